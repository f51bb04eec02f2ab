// Appliances: drained and taken into use again, and revoked.
import { useState } from 'react';
import { api, cache, type Shapes } from '../../api';
import { Dialog } from '../../actions/dialog';
import { words } from '../../words';
import { Remove } from '../remove';

type Of = { appliance: Shapes['Appliance']; onClose: () => void };
const params = ({ appliance }: Of) => ({ params: { path: { appliance: appliance.id } } });

export function Drain(of: Of) {
  const { site } = words.edits;
  const [said, setSaid] = useState<string | null>(null);
  const send = async () => {
    const { data } = await api.PUT('/api/appliances/{appliance}/drain', params(of));
    void cache.invalidateQueries();
    if (data?.job_id) return data.job_id;
    setSaid(site.drained);
    return undefined;
  };
  return <Dialog title={words.actions.title(site.drain, of.appliance.name)} act={site.drain} verb="drain_appliance" steps={site.drains} request="" result={said} send={send} onClose={of.onClose} />;
}

export function EndDrain(of: Of) {
  const { site } = words.edits;
  const send = async () => {
    await api.DELETE('/api/appliances/{appliance}/drain', params(of));
    void cache.invalidateQueries();
  };
  return <Dialog title={words.actions.title(site.endDrain, of.appliance.name)} act={site.endDrain} verb="resume_appliance" steps={site.endsDrain} request="" send={send} onClose={of.onClose} />;
}

export function Revoke(of: Of) {
  const { site } = words.edits;
  const send = () => api.DELETE('/api/appliances/{appliance}', params(of));
  return <Remove what={of.appliance.name} act={site.revoke} verb="delete_appliance" steps={site.revokes} loses={site.revokeLoses(of.appliance.name)} confirm={of.appliance.name} send={send} onClose={of.onClose} />;
}

import { useState } from 'react';
import { WHILE_SHOWN, queries } from '../api';
import { Facts } from '../parts/facts';
import { Asking } from '../parts/state';
import { words } from '../words';
import { bytes, span } from '../words/format';
import { Obstacles, useMeanwhile } from './about';
import { Dialog, type Machine } from './dialog';
import { Choice } from './fields';
import type { ActProps } from './machine-acts';
import { start } from './start';

type Location = 'original' | 'alternate';

export default function Reprotect({ machine, onClose }: ActProps) {
  const [location, setLocation] = useState<Location>('original');
  const { actions } = words;
  return (
    <Dialog
      title={actions.title(actions.verbs.reprotect, machine.name)} act={actions.verbs.reprotect} verb="reprotect" onClose={onClose}
      steps={actions.steps.reprotect(machine.active_site, machine.source_site)} {...useMeanwhile(machine, 'reprotect')}
      request={location} reads={[machine]} send={(key, read) => start('reprotect', { machines: [machine.id] }, { location }, key, read)}
    >
      {() => (
        <>
          <Choice title={actions.reprotect.location} value={location} onChange={(to) => setLocation(to as Location)} options={[['original', actions.reprotect.original], ['alternate', actions.reprotect.alternate]]} />
          <Preview machine={machine} location={location} />
        </>
      )}
    </Dialog>
  );
}

function Preview({ machine, location }: { machine: Machine; location: Location }) {
  const found = queries.useQuery('get', '/api/machines/{machine}/reprotect-preview', { params: { path: { machine: machine.id }, query: { location } } }, WHILE_SHOWN);
  const { reprotect } = words.actions;
  return (
    <Asking of={found}>
      {(preview) => (
        <>
          <Facts of={[
            [reprotect.appliance, preview.appliance],
            [reprotect.size, bytes(preview.disk_bytes)],
            [reprotect.send, preview.send_bytes != null && bytes(preview.send_bytes)],
            [reprotect.took, preview.seconds != null && span(preview.seconds)],
          ]} />
          {preview.problem ? <p>{preview.problem.message} {preview.problem.do}</p> : <Obstacles of={preview.obstacles ?? []} />}
        </>
      )}
    </Asking>
  );
}

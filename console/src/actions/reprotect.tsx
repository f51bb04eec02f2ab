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
import { NO_PLACE, PlaceFields, asPlace, useSiteOf, type Place } from './place';
import { start } from './start';

export default function Reprotect({ machine, onClose }: ActProps) {
  const [place, setPlace] = useState(NO_PLACE);
  const there = useSiteOf(place, machine);
  const { actions } = words;
  const options = asPlace(place);
  const steps = place.location === 'original' ? actions.steps.reprotect : actions.reprotect.anew;
  return (
    <Dialog
      title={actions.title(actions.verbs.reprotect, machine.name)} act={actions.verbs.reprotect} verb="reprotect" onClose={onClose}
      steps={steps(machine.active_site, there)} {...useMeanwhile(machine, 'reprotect')}
      request={JSON.stringify(options)} send={(key, read) => start('reprotect', { machines: [machine.id] }, options, key, read)}
    >
      {() => (
        <>
          <Choice title={actions.reprotect.location} value={place.location} onChange={(to) => setPlace({ ...place, location: to as Place['location'] })} options={[['original', actions.reprotect.original], ['alternate', actions.reprotect.alternate]]} />
          <PlaceFields machine={machine} value={place} onChange={setPlace} />
          <Preview machine={machine} place={place} />
        </>
      )}
    </Dialog>
  );
}

function Preview({ machine, place: { location, appliance } }: { machine: Machine; place: Place }) {
  const query = { location, ...(appliance && { target_appliance: appliance }) };
  const found = queries.useQuery('get', '/api/machines/{machine}/reprotect-preview', { params: { path: { machine: machine.id }, query } }, WHILE_SHOWN);
  const { reprotect } = words.actions;
  return (
    <Asking of={found}>
      {(preview) => (
        <>
          <Facts of={[
            [reprotect.appliance, preview.appliance && reprotect.at(preview.appliance, preview.site)],
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

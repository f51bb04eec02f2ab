import { useState } from 'react';
import { queries } from '../api';
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Tick } from './fields';
import type { ActProps } from './machine-acts';
import { start } from './start';

export default function MoveReplica({ machine, onClose }: ActProps) {
  const [appliance, setAppliance] = useState('');
  const [isGone, setGone] = useState(false);
  const appliances = queries.useQuery('get', '/api/appliances').data ?? [];
  const { actions } = words;
  const others = appliances.filter((each) => each.site === machine.target_site && each.name !== machine.target_appliance);
  const options = { target_appliance: appliance || null, host_is_gone: isGone };
  return (
    <Dialog
      title={actions.title(actions.verbs.move_replica, machine.name)} act={actions.verbs.move_replica} verb="move_replica" onClose={onClose}
      steps={actions.steps.move_replica(machine.source_site, machine.target_site ?? words.none)} loses={isGone && actions.moving.lost} confirm={machine.name} {...useMeanwhile(machine, 'move_replica')}
      request={JSON.stringify(options)} send={(key, read) => start('move_replica', { machines: [machine.id] }, options, key, read)}
    >
      {() => (
        <>
          <Choice title={actions.moving.to} value={appliance} onChange={setAppliance} options={[['', actions.moving.any], ...others.map((each) => [each.id, `${each.name}${each.host ? `, ${each.host}` : ''}`] as const)]} />
          <Tick title={actions.moving.gone} help={actions.moving.goneHelp} value={isGone} onChange={setGone} />
        </>
      )}
    </Dialog>
  );
}

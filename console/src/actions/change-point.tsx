import { useState } from 'react';
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog } from './dialog';
import type { ActProps } from './machine-acts';
import { PointChoice, asOptions, chosen, lacking } from './point';
import { start } from './start';

export default function ChangePoint({ machine, onClose }: ActProps) {
  const [point, setPoint] = useState(chosen('custom'));
  const { actions } = words;
  const options = asOptions(point);
  return (
    <Dialog
      title={actions.title(actions.verbs.change_recovery_point, machine.name)} act={actions.verbs.change_recovery_point} verb="change_recovery_point" onClose={onClose}
      steps={actions.steps.change_recovery_point(machine.source_site, machine.active_site)} loses={actions.madeThere(machine.active_site)} confirm={machine.name}
      isSound={!lacking(point)} {...useMeanwhile(machine, 'change_recovery_point')}
      request={JSON.stringify(options)} send={(key, read) => start('change_recovery_point', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => <PointChoice machine={machine} verb="change_recovery_point" value={point} onChange={setPoint} tried={tried} />}
    </Dialog>
  );
}

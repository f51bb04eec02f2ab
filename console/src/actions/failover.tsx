import { useState } from 'react';
import { words } from '../words';
import { Preflight, Way, useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Tick } from './fields';
import type { ActProps } from './machine-acts';
import { PointChoice, asOptions, chosen, lacking } from './point';
import { start } from './start';

export default function Failover({ machine, onClose }: ActProps) {
  const [point, setPoint] = useState(chosen('latest'));
  const [shutsDown, setShutsDown] = useState(false);
  const { actions } = words;
  const options = { ...asOptions(point), shut_down_source: shutsDown };
  const loses = machine.power === 'running' && !shutsDown && actions.writesLost(machine.active_site);
  return (
    <Dialog
      title={actions.title(actions.verbs.failover, machine.name)} act={actions.verbs.failover} verb="failover" onClose={onClose}
      steps={actions.steps.failover(machine.source_site, machine.target_site ?? words.none)} loses={loses} confirm={machine.name}
      isSound={!lacking(point)} {...useMeanwhile(machine, 'failover')}
      request={JSON.stringify(options)} send={(key, read) => start('failover', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => (
        <>
          <Way machine={machine} verb="failover" />
          <PointChoice machine={machine} verb="failover" value={point} onChange={setPoint} tried={tried} />
          <Tick title={actions.shutDown} help={actions.shutDownHelp} value={shutsDown} onChange={setShutsDown} />
          <Preflight machine={machine} />
        </>
      )}
    </Dialog>
  );
}

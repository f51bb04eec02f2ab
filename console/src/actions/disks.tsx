// Which disks are protected: some are left out, or taken in again.
import { useState } from 'react';
import { words } from '../words';
import { bytes } from '../words/format';
import { useMeanwhile } from './about';
import { Dialog } from './dialog';
import type { ActProps } from './machine-acts';
import { start } from './start';
import { Ticks } from './ticked';

export default function Disks({ machine, verb, onClose }: ActProps) {
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const { actions } = words;
  const leavesOut = verb === 'exclude_disk';
  const disks = [...keys];
  const wrong = !disks.length && actions.disks.need;
  const rows = machine.disks.filter((each) => each.protected === leavesOut).map((each) => ({ id: each.key, name: `${each.key}, ${bytes(each.size_bytes)}` }));
  return (
    <Dialog
      title={actions.title(actions.verbs[verb], machine.name)} act={actions.verbs[verb]} verb={verb} onClose={onClose} steps={actions.steps[verb](machine.source_site, machine.target_site ?? words.none)}
      loses={leavesOut && disks.length > 0 && actions.disks.lost(disks.join(', '))} confirm={machine.name} isSound={!wrong} {...useMeanwhile(machine, verb)}
      request={JSON.stringify(disks)} send={(key, read) => start(leavesOut ? 'exclude_disk' : 'include_disk', { machines: [machine.id] }, { disks }, key, read)}
    >
      {(tried) => <Ticks title={actions.disks.title} rows={rows} value={keys} onChange={setKeys} wrong={tried && wrong} />}
    </Dialog>
  );
}

// Disks of a committed machine move out of the appliance's store, to where the site keeps its own.
import { useState } from 'react';
import { words } from '../words';
import { useMeanwhile } from './about';
import { Dialog } from './dialog';
import { Choice, Text, Tick } from './fields';
import type { ActProps } from './machine-acts';
import { start } from './start';

const LONGEST = 4000;

export default function Settle({ machine, onClose }: ActProps) {
  const [place, setPlace] = useState('');
  const [format, setFormat] = useState<'qcow2' | 'raw'>('qcow2');
  const [isPlain, setPlain] = useState(false);
  const { actions } = words;
  const options = { place: place.trim() ? { place: place.trim(), format } : null, unencrypted: isPlain };
  const wrong = place.length > LONGEST && words.edits.wrong.long(LONGEST);
  return (
    <Dialog
      title={actions.title(actions.verbs.settle, machine.name)} act={actions.verbs.settle} verb="settle" onClose={onClose} steps={actions.steps.settle(machine.source_site, machine.active_site)}
      isSound={!wrong} {...useMeanwhile(machine, 'settle')} request={JSON.stringify(options)} send={(key, read) => start('settle', { machines: [machine.id] }, options, key, read)}
    >
      {(tried) => (
        <>
          <Text title={actions.settling.place} value={place} onChange={setPlace} help={actions.settling.placeHelp} wrong={tried && wrong} />
          <Choice title={actions.settling.format} value={format} onChange={(to) => setFormat(to as typeof format)} options={[['qcow2', 'qcow2'], ['raw', 'raw']]} />
          <Tick title={actions.settling.plain} value={isPlain} onChange={setPlain} />
        </>
      )}
    </Dialog>
  );
}

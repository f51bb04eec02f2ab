import { api, type Shapes } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { Present } from '../editor';
import { like, orNone, sized, spanWithin, within, type Field } from '../form';
import { readSize, readSpan, writeSize, writeSpan } from '../reading';
import type { Of } from '.';

type Draft = Record<'vcpus' | 'memory' | 'cpu' | 'name' | 'delay' | 'apart' | 'together', string>;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}$/;

const draftOf = (of: Shapes['MachineProperties'] | undefined): Draft => ({
  vcpus: of?.vcpus?.toString() ?? '', memory: of?.memory_bytes ? writeSize(of.memory_bytes) : '', cpu: of?.cpu_model ?? '', name: of?.target_name ?? '',
  delay: of?.start_delay_seconds ? writeSpan(of.start_delay_seconds) : '', apart: of?.apart ?? '', together: of?.together ?? '',
});

/** `settle` is not edited here: it stays as it is in the edition that is changed. */
const bodyOf = ({ vcpus, memory, cpu, name, delay, apart, together }: Draft, { settle }: Shapes['MachineProperties']): Shapes['MachinePropertiesChange'] => ({
  vcpus: vcpus ? Number(vcpus) : null, memory_bytes: memory ? readSize(memory)! : null, cpu_model: cpu || null, target_name: name || null,
  start_delay_seconds: delay ? readSpan(delay)! : null, apart: apart || null, together: together || null, settle: settle ?? {},
});

function fieldsOf(): readonly Field<Draft>[] {
  const { edits: { machine, wrong }, machine: { set } } = words;
  return [
    { name: 'vcpus', title: set.vcpus, help: machine.asAtHome, wrong: orNone(within(1, 512)) },
    { name: 'memory', title: set.memory, help: machine.asAtHome, wrong: orNone(sized) },
    { name: 'cpu', title: set.cpu, help: machine.cpuHelp, wrong: orNone(like(NAME, wrong.word)) },
    { name: 'name', title: set.name, help: machine.nameHelp, wrong: orNone(like(NAME, wrong.word)) },
    { name: 'delay', title: set.delay, help: machine.delayHelp, wrong: orNone(spanWithin(0, 3_600)) },
    { name: 'apart', title: set.apart, help: machine.apartHelp, wrong: orNone(like(NAME, wrong.word)) },
    { name: 'together', title: set.together, help: machine.togetherHelp, wrong: orNone(like(NAME, wrong.word)) },
  ];
}

export default function Properties({ machine: { id, name }, onClose }: Of) {
  const { machine, title } = words.edits;
  const of = { path: { machine: id } };
  return (
    <Present<Shapes['MachineProperties'], Draft>
      title={title(`${words.machine.set.size}: ${name}`)} verb="change_machine_properties" steps={machine.nextStart} onClose={onClose}
      path="/api/machines/{machine}/properties" of={id} read={() => api.GET('/api/machines/{machine}/properties', { params: of })} draftOf={draftOf} fields={fieldsOf()}
      send={(draft, tag, from) => api.PUT('/api/machines/{machine}/properties', { params: { ...of, ...seen(tag) }, body: bodyOf(draft, from) })}
    />
  );
}

import { api, type Shapes } from '../../api';
import { words } from '../../words';
import { seen } from '../edition';
import { like, spanWithin, type Field } from '../form';
import { PresentItems, type ItemsForm } from '../items';
import { readSpan, writeSpan } from '../reading';
import type { Of } from '.';

type Hook = Shapes['MachineHook-Input'];
type Draft = { name: string; script: string; moment: string; timeout: string; stops: boolean; test: boolean; planned: boolean; unplanned: boolean; away: boolean; home: boolean };
const KINDS = ['test', 'planned', 'unplanned'] as const;
const DIRECTIONS = ['away', 'home'] as const;

const draftOf = ({ name, script, moment, timeout_seconds: timeout = 60, stops = false, kinds = [...KINDS], directions = [...DIRECTIONS] }: Hook): Draft => ({
  name, script, moment, timeout: writeSpan(timeout), stops, test: kinds.includes('test'), planned: kinds.includes('planned'), unplanned: kinds.includes('unplanned'), away: directions.includes('away'), home: directions.includes('home'),
});

const bodyOf = (draft: Draft): Hook => ({
  name: draft.name, script: draft.script, moment: draft.moment as Hook['moment'], timeout_seconds: readSpan(draft.timeout)!, stops: draft.moment === 'before_stop' && draft.stops,
  kinds: KINDS.filter((each) => draft[each]), directions: DIRECTIONS.filter((each) => draft[each]),
});

function formOf(): ItemsForm<Draft> {
  const { edits: { hook, wrong, plan }, machine: { set } } = words;
  const isNever = (draft: Draft) => !KINDS.some((each) => draft[each]) || !DIRECTIONS.some((each) => draft[each]);
  const fields: readonly Field<Draft>[] = [
    { name: 'name', title: hook.name, wrong: like(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, wrong.short) },
    { name: 'script', title: set.script, help: hook.scriptHelp, wrong: like(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, plan.fileWrong) },
    { name: 'moment', title: set.moment, options: [['after_start', hook.after], ['before_stop', hook.before]], wrong: (_, draft) => isNever(draft) && hook.never },
    { name: 'timeout', title: set.timeout, wrong: spanWithin(1, 3_600, false) },
    { name: 'stops', title: hook.stops, isFor: (draft) => draft.moment === 'before_stop' },
    ...KINDS.map((each) => ({ name: each, title: hook.for(plan.kind[each]) })),
    ...DIRECTIONS.map((each) => ({ name: each, title: hook.when(plan.direction[each]) })),
  ];
  return { fields, nameOf: (item, at) => item.name || hook.one(at + 1), add: hook.add, most: 16, fresh: () => draftOf({ name: '', script: '', moment: 'after_start' } as Hook) };
}

export default function Hooks({ machine: { id, name }, onClose }: Of) {
  const of = { path: { machine: id } };
  return (
    <PresentItems<Shapes['MachineHooks'], Draft>
      title={words.edits.title(`${words.machine.set.hooks}: ${name}`)} verb="change_machine_hooks" steps={words.edits.machine.nextVerb} onClose={onClose}
      path="/api/machines/{machine}/hooks" of={id} read={() => api.GET('/api/machines/{machine}/hooks', { params: of })} draftOf={(value) => (value?.hooks ?? []).map((each) => draftOf(each as Hook))} form={formOf()}
      send={(hooks, tag) => api.PUT('/api/machines/{machine}/hooks', { params: { ...of, ...seen(tag) }, body: { hooks: hooks.map(bodyOf) } })}
    />
  );
}

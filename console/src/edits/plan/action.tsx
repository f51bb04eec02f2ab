// One action of a plan: what a person is to do, or which script is run; and for which runs.
import { Checkbox, FormGroup } from '@patternfly/react-core';
import { useId } from 'react';
import { Choice, Help, Notes, Text } from '../../actions/fields';
import { words } from '../../words';
import { DIRECTIONS, KINDS, isGuest, type Action, type Machine, type wrongAction } from './draft';

type Wrong = ReturnType<typeof wrongAction>;

export function ActionFields({ action, started, wrong, onChange }: { action: Action; started: readonly Machine[]; wrong: Wrong; onChange: (to: Action) => void }) {
  const { plan } = words.edits;
  const set = (change: Partial<Action>) => onChange({ ...action, ...change });
  return (
    <div className="plan-action">
      <Choice title={plan.who} value={action.isScript ? 'script' : 'person'} onChange={(to) => set({ isScript: to === 'script' })} options={[['person', plan.person], ['script', plan.script]]} />
      <Text id={`${action.key}-name`} title={plan.action} value={action.name} onChange={(name) => set({ name })} wrong={wrong.name} />
      {action.isScript && <ScriptFields action={action} started={started} wrong={wrong} set={set} />}
      <Notes title={plan.instruction} value={action.instruction} onChange={(instruction) => set({ instruction })} help={plan.instructionHelp} wrong={wrong.instruction} />
      <Several title={plan.kinds} all={KINDS} labels={plan.kind} value={action.kinds} onChange={(kinds) => set({ kinds })} wrong={wrong.kinds} />
      <Several title={plan.directions} all={DIRECTIONS} labels={plan.direction} value={action.directions} onChange={(directions) => set({ directions })} wrong={wrong.directions} />
    </div>
  );
}

function ScriptFields({ action, started, wrong, set }: { action: Action; started: readonly Machine[]; wrong: Wrong; set: (change: Partial<Action>) => void }) {
  const { plan } = words.edits;
  const guest = started.find((each) => isGuest(each, action.guest))?.key ?? action.guest;
  const options = [['', plan.byAppliance] as const, ...started.map((each) => [each.key, plan.inside(each.name)] as const)];
  const present = options.some(([each]) => each === guest) ? options : [...options, [guest, plan.inside(guest)] as const];
  return (
    <>
      <Text title={plan.file} value={action.script} onChange={(script) => set({ script })} help={plan.fileHelp} wrong={wrong.script} />
      <Choice title={plan.guest} value={guest} onChange={(to) => set({ guest: to })} options={present} wrong={wrong.guest} />
      <Text title={plan.timeout} value={action.timeout} onChange={(timeout) => set({ timeout })} wrong={wrong.timeout} />
    </>
  );
}

/** Some of a few, in their own order. */
export function Several<K extends string>({ title, all, labels, value, onChange, wrong }: {
  title: string; all: readonly K[]; labels: Readonly<Record<K, string>>; value: readonly K[]; onChange: (to: readonly K[]) => void; wrong?: string | undefined;
}) {
  const id = useId();
  const turn = (which: K, on: boolean) => onChange(all.filter((each) => (each === which ? on : value.includes(each))));
  return (
    <FormGroup role="group" label={title} fieldId={id} isInline>
      {all.map((each) => <Checkbox key={each} id={`${id}-${each}`} label={labels[each]} isChecked={value.includes(each)} onChange={(_, on) => turn(each, on)} aria-invalid={!!wrong} aria-describedby={`${id}-help`} />)}
      <Help id={`${id}-help`} wrong={wrong ?? false} />
    </FormGroup>
  );
}

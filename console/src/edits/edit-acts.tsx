// Buttons that open editors. What the role does not allow is said in their place.
import { Alert, AlertActionCloseButton, Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { may, useWho, type Permission } from '../api/session';
import { Opening } from '../parts/state';
import { words } from '../words';

/** `about`: what it edits, where several on a page say the same. */
export type EditAct = { label: string; about?: string; permission: Permission; isDanger?: boolean; show: (close: () => void) => ReactNode };

export function EditActs({ acts, isSmall = false, isQuiet = false }: { acts: readonly EditAct[]; isSmall?: boolean; isQuiet?: boolean }) {
  const [open, setOpen] = useState<string>(); // by its label: their places change with what others do
  const close = () => setOpen(undefined);
  const who = useWho().data!;
  const mine = acts.filter((each) => may(who, each.permission));
  const shown = mine.find((each) => each.label === open);
  const foreign = acts.filter((each) => !mine.includes(each));
  return (
    <div className="acts">
      {mine.map(({ label, about, isDanger }) => (
        <Button key={label} size={isSmall ? 'sm' : 'default'} variant="secondary" isDanger={isDanger} aria-label={about ? `${label} ${about}` : undefined} onClick={() => setOpen(label)}>{label}</Button>
      ))}
      {foreign.length > 0 && !isQuiet && <p className="small">{words.edits.mayNot(foreign.map((each) => each.label).join(', '))}</p>}
      {shown && <Opening onClose={close}>{shown.show(close)}</Opening>}
      {open && !shown && <Alert isInline variant="warning" component="h3" title={words.actions.meanwhile(open)} actionClose={<AlertActionCloseButton onClose={close} />} />}
    </div>
  );
}

// Buttons that open editors. What the role does not allow is said in their place.
import { Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { may, useWho, type Permission } from '../api/session';
import { Gone } from '../parts/instead';
import { Opening } from '../parts/state';
import { words } from '../words';

/** `about`: what it edits, where several on a page say the same. */
export type EditAct = { label: string; about?: string; permission: Permission; isDanger?: boolean; show: (close: () => void) => ReactNode };

export function EditActs({ acts, isSmall = false, isQuiet = false }: { acts: readonly EditAct[]; isSmall?: boolean; isQuiet?: boolean }) {
  const [open, setOpen] = useState<EditAct>();
  const [isGone, setGone] = useState(false); // it was not possible any more while it was open: that stays so, and so does its dialog
  const close = () => setOpen(undefined);
  const who = useWho().data!;
  const mine = acts.filter((each) => may(who, each.permission));
  const now = open && mine.find((each) => each.label === open.label); // by its label: their places change with what others do
  if (open && !now && !isGone) setGone(true);
  if (now && now !== open && !isGone) setOpen(now);
  const foreign = acts.filter((each) => !mine.includes(each));
  return (
    <div className="acts">
      {mine.map((each) => (
        <Button key={each.label} size={isSmall ? 'sm' : 'default'} variant="secondary" isDanger={each.isDanger} aria-label={each.about ? `${each.label} ${each.about}` : undefined} onClick={() => { setGone(false); setOpen(each); }}>{each.label}</Button>
      ))}
      {foreign.length > 0 && !isQuiet && <p className="small">{words.edits.mayNot(foreign.map((each) => each.label).join(', '))}</p>}
      {open && <Gone value={isGone ? open.label : undefined}><Opening onClose={close}>{open.show(close)}</Opening></Gone>}
    </div>
  );
}

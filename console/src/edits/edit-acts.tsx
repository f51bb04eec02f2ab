// Buttons that open editors. What the role does not allow is said in their place.
import { Alert, AlertActionCloseButton, AlertGroup, Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { may, useWho, type Permission } from '../api/session';
import { Opening } from '../parts/state';
import { words } from '../words';

/** `about`: what it edits, where several on a page say the same. */
export type EditAct = { label: string; about?: string; permission: Permission; isDanger?: boolean; show: (close: () => void) => ReactNode };

export function EditActs({ acts, isSmall = false, isQuiet = false }: { acts: readonly EditAct[]; isSmall?: boolean; isQuiet?: boolean }) {
  const [open, setOpen] = useState<string>(); // by its label: their places change with what others do
  const [gone, setGone] = useState<string>(); // what went while it was open: it does not come again by itself
  const close = () => setOpen(undefined);
  const who = useWho().data!;
  const mine = acts.filter((each) => may(who, each.permission));
  const shown = mine.find((each) => each.label === open);
  if (open && !shown) {
    setOpen(undefined);
    setGone(open);
  }
  const foreign = acts.filter((each) => !mine.includes(each));
  return (
    <div className="acts">
      {mine.map(({ label, about, isDanger }) => (
        <Button key={label} size={isSmall ? 'sm' : 'default'} variant="secondary" isDanger={isDanger} aria-label={about ? `${label} ${about}` : undefined} onClick={() => { setGone(undefined); setOpen(label); }}>{label}</Button>
      ))}
      {foreign.length > 0 && !isQuiet && <p className="small">{words.edits.mayNot(foreign.map((each) => each.label).join(', '))}</p>}
      {shown && <Opening onClose={close}>{shown.show(close)}</Opening>}
      {gone && (
        <AlertGroup isToast isLiveRegion>
          <Alert variant="warning" component="h3" title={words.actions.meanwhile(gone)} actionClose={<AlertActionCloseButton autoFocus onClose={() => setGone(undefined)} />} />
        </AlertGroup>
      )}
    </div>
  );
}

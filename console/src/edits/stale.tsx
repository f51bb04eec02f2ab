// Both versions side by side: what was when the editor was opened, what another person made of it, and what stands in
// the form. Whoever edits decides which one goes on, by buttons that are in view however many lines differ.
import { Alert, Button } from '@patternfly/react-core';
import { Rows } from '../parts/facts';
import { words } from '../words';

export type Line = readonly [what: string, text: string];
type Versions = { was: readonly Line[]; now: readonly Line[]; mine: readonly Line[] };

/** What differs between the three, line by line, in the order of whichever has it first. */
function differing({ was, now, mine }: Versions) {
  const [before, present, own] = [was, now, mine].map((each) => new Map(each));
  const names = [...new Set([...now, ...mine, ...was].map(([what]) => what))];
  const rows = names.map((what) => ({ what, was: before!.get(what), now: present!.get(what), mine: own!.get(what) }));
  return rows.filter((each) => each.was !== each.now || each.now !== each.mine);
}

export function Stale({ take, keep, ...versions }: Versions & { take: () => void; keep: () => void }) {
  const { stale } = words.edits;
  const cell = (text: string | undefined) => text || words.none;
  return (
    <div role="alert">
      <Alert isInline variant="warning" component="h2" title={stale.title}>
        <div className="acts">
          <Button variant="secondary" onClick={take}>{stale.take}</Button>
          <Button variant="secondary" onClick={keep}>{stale.keep}</Button>
        </div>
        <Rows name={stale.title} rows={differing(versions)} idOf={(row) => row.what} none={stale.same} columns={[
          { title: stale.what, cell: (row) => row.what },
          { title: stale.was, cell: (row) => cell(row.was) },
          { title: stale.now, cell: (row) => cell(row.now) },
          { title: stale.mine, cell: (row) => cell(row.mine) },
        ]} />
      </Alert>
    </div>
  );
}

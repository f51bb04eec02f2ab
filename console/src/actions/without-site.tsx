// A site that is gone for good is given up: a verb goes on without it. Only for whoever may, and only while it is away.
import { queries } from '../api';
import { may, useWho } from '../api/session';
import { words } from '../words';
import { Choice } from './fields';
import type { Machine } from './dialog';

/** Sites of the machine none of whose appliances is connected. */
function useAway({ source_site: source, target_site: target }: Machine): readonly string[] {
  const { data } = queries.useQuery('get', '/api/appliances');
  const isAway = (site: string) => !!data && !data.some((each) => each.site === site && each.connected);
  return [source, target].filter((each): each is string => each != null && isAway(each));
}

/** `value`: the name of the site that is given up, or nothing. */
export function WithoutSite({ machine, value, onChange }: { machine: Machine; value: string; onChange: (to: string) => void }) {
  const who = useWho().data!;
  const away = useAway(machine);
  const { giveUp } = words.actions;
  if (!away.length) return null;
  if (!may(who, 'give_up')) return <p className="small">{words.edits.mayNot(giveUp.title)}</p>;
  return <Choice title={giveUp.title} value={value} onChange={onChange} options={[['', giveUp.none], ...away.map((each) => [each, giveUp.site(each)] as const)]} />;
}

export const asWithout = (site: string) => (site ? { without_site: site } : {});

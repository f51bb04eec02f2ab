// A site that is gone for good is given up: a verb goes on without it. Only for whoever may, and only while it is away.
import { useState } from 'react';
import { queries } from '../api';
import { may, useWho } from '../api/session';
import { words } from '../words';
import { Choice } from './fields';
import type { Machine } from './dialog';

/** Sites of the machine none of whose appliances is connected; undefined until that is known. */
function useAway({ source_site: source, target_site: target }: Machine): readonly string[] | undefined {
  const { data } = queries.useQuery('get', '/api/appliances');
  const isAway = (site: string) => !data!.some((each) => each.site === site && each.connected);
  return data && [source, target].filter((each): each is string => each != null && isAway(each));
}

export type GivenUp = ReturnType<typeof useGivenUp>;

/** `value`: the name of the site that is given up, or nothing. `wrong`: that it is there again, and to be chosen anew. */
export function useGivenUp(machine: Machine) {
  const [value, onChange] = useState('');
  const away = useAway(machine);
  const { giveUp } = words.actions;
  const isBack = value !== '' && !!away && !away.includes(value);
  return { value, onChange, away: away ?? [], wrong: isBack && giveUp.isBack(value), loses: value !== '' && !isBack && giveUp.lost(value), options: value ? { without_site: value } : {} };
}

export function WithoutSite({ of: { value, onChange, away, wrong } }: { of: GivenUp }) {
  const who = useWho().data!;
  const { giveUp } = words.actions;
  const offered = wrong ? [...away, value] : away;
  if (!offered.length) return null;
  if (!may(who, 'give_up')) return <p className="small">{words.edits.mayNot(giveUp.title)}</p>;
  return <Choice title={giveUp.title} value={value} onChange={onChange} wrong={wrong} options={[['', giveUp.none], ...offered.map((each) => [each, giveUp.site(each)] as const)]} />;
}

// What a verb does with several machines, which may go different ways: then each way is told by itself.
import { words } from '../words';
import type { Verb } from './start';

type Going = { name: string; source_site: string; target_site: string };
const NAMED = 5;

const few = (names: readonly string[]) => (names.length > NAMED ? words.actions.many(names.length) : names.join(', '));

export function stepsOf(verb: Verb, machines: readonly Going[]): readonly string[] {
  const steps = ({ source_site, target_site }: Going) => {
    const sites = [source_site, target_site] as const;
    return words.actions.steps[verb](...(verb === 'reprotect' ? [sites[1], sites[0]] as const : sites)); // it begins where they run now
  };
  if (!machines.length) return [];
  const ways = new Map<string, Going[]>();
  for (const each of machines) {
    const way = `${each.source_site} ${each.target_site}`;
    ways.set(way, ways.get(way) ?? []);
    ways.get(way)!.push(each);
  }
  if (ways.size < 2) return steps(machines[0]!);
  return [...ways.values()].map((each) => `${few(each.map(({ name }) => name))}: ${steps(each[0]!).join(' ')}`);
}

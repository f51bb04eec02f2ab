// What a machine's state allows: the vault's own table, as its reference has it.
import table from '../../../docs/reference/lifecycle.json';
import type { MachineRow } from '../live';
import { words } from '../words';
import { plain } from '../words/format';
import type { Verb } from './start';

const allowed: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = table;

export const isPossible = (verb: Verb, { state, drill_state: drill }: MachineRow) => allowed[state]?.[drill]?.includes(verb) ?? false;

/** The state in words; of a machine that is not there any more, that its protection ended. */
export function standing(row: MachineRow | undefined): string {
  if (!row) return words.plans.ended;
  return [plain(row.state), row.drill_state !== 'none' && words.machines.drill(plain(row.drill_state))].filter(Boolean).join(', ');
}

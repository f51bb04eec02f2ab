// Rows of machines are arrays; here they get names.
import type { Shapes } from '../api';

export type Health = Shapes['Health'];
export type State = Shapes['State'];
export type JobState = Shapes['JobState'];

/** A machine at a glance. Times are seconds since 1970; `GET /api/machine-rows` says what each is. */
export type MachineRow = {
  id: string;
  name: string;
  source_site: string;
  target_site: string;
  active_site: string;
  state: State;
  drill_state: Shapes['DrillState'];
  health: Health;
  severity: Shapes['Severity'] | null;
  findings: string[];
  recoverable_at: number | null;
  rpo_goal_seconds: number | null;
  points: number;
  newest_point_at: number | null;
  stored_bytes: number;
  synchronized_percent: number | null;
  job_id: string | null;
  drilled_at: number | null;
  policy: string;
  group: string | null;
  generation: number;
  drill_generation: number;
  direction: NonNullable<Shapes['Machine']['direction']>;
};

/** Makes objects of rows by the names of their columns: a newer vault may have more of them. */
export function reader<T>(columns: readonly string[]): (row: readonly unknown[]) => T {
  return (row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])) as T;
}

// What the worker, which holds the stream, and the tabs say to each other.
import type { MachineRow, JobRow } from './rows';

/** An event of the stream, as the vault sends it (`LiveBatch`). */
export type Batch = {
  at: string;
  machine_columns?: string[];
  machines?: unknown[][];
  gone?: string[];
  job_columns?: string[];
  jobs?: unknown[][];
  things?: { kind: string; id: string | null }[];
};

/** `ahead`: by how many milliseconds the vault's clock is ahead of this browser's. */
type Heard = { heardAt: number; ahead: number };
export type FromWorker =
  | ({ kind: 'whole'; machines: MachineRow[]; jobs: JobRow[] } & Heard)
  | ({ kind: 'changes'; machines: MachineRow[]; gone: string[]; jobs: JobRow[]; things: { kind: string; id: string | null }[] } & Heard)
  | ({ kind: 'alive' } & Heard)
  | { kind: 'lost' };
export type ToWorker = 'bye' | 'hello';

// What the worker, which holds the stream, and the tabs say to each other.
import type { MachineRow } from './rows';

/** By this browser's clock. */
type Heard = { heardAt: number };
export type FromWorker =
  | ({ kind: 'whole'; machines: MachineRow[] } & Heard)
  | ({ kind: 'changes'; machines: MachineRow[]; gone: string[]; hasJobs: boolean; things: string[] } & Heard)
  | ({ kind: 'alive' } & Heard)
  | { kind: 'lost' };
/** 'rows': the tab wants the rows of all machines from now on. 'again': it learned that it did not hear everything. */
export type ToWorker = 'hello' | 'rows' | 'again' | 'bye';

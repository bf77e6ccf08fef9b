/** Named steps at which a test may kill the process: CRASH_AT=name#n, the n-th passage. */
export const CRASH_POINTS = [
  'claim',
  'list.complete',
  'diff.done',
  'batch.stored',
  'state.committed',
  'refresh.finish',
] as const
export type CrashPoint = (typeof CRASH_POINTS)[number]

/** Called at each step; does nothing unless a test asks for it. */
export type Passing = (point: CrashPoint) => void

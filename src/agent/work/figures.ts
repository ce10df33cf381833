import type { Progress } from '#protocol'

type Message = Readonly<Record<string, unknown>>

/** How far the program is, by its status message. */
export function progressOf(status: Message): Progress {
  const number = (name: string) => (typeof status[name] === 'number' ? { value: status[name] } : undefined)
  const [done, total, left] = [number('bytes_done'), number('total_bytes'), number('seconds_remaining')]
  return {
    step: 'back up',
    unit: 'bytes',
    ...(done && { done: done.value }),
    ...(total && { total: total.value }),
    ...(left && { secondsLeft: left.value }),
  }
}

/** What evidence and history are made of. */
const figures = {
  snapshotId: 'snapshot_id',
  filesNew: 'files_new',
  filesChanged: 'files_changed',
  filesUnmodified: 'files_unmodified',
  foldersNew: 'dirs_new',
  foldersChanged: 'dirs_changed',
  foldersUnmodified: 'dirs_unmodified',
  files: 'total_files_processed',
  bytes: 'total_bytes_processed',
  bytesAdded: 'data_added_packed',
  seconds: 'total_duration',
} as const

/** What a summary of the program says, in our words. */
export function figuresOf(summary: Message): Record<string, unknown> {
  return Object.fromEntries(Object.entries(figures).map(([ours, theirs]) => [ours, summary[theirs] ?? null]))
}

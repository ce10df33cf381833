/** Runs in the threads of `compare.ts`: compares files with what they should hold. */
import { serveThread, threadData } from '#base'

import { FileComparer } from './compare-files.ts'
import type { PlainJobs } from './compare-files.ts'
import { openTargetDisk } from './target-disk.ts'

const disk = openTargetDisk(await threadData<string>())
const comparer = new FileComparer(disk)

serveThread({
  compare: (jobs: PlainJobs) => comparer.compare(jobs),
  // What a thread has opened stays open when it ends.
  close: () => disk[Symbol.dispose](),
})

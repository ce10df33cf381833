/** A thread that compares files with what they should hold: see `compare.ts`. */
import { parentPort, workerData } from 'node:worker_threads'

import { FileComparer } from './compare-files.ts'
import type { PlainJobs } from './compare-files.ts'
import { openTargetDisk } from './target-disk.ts'

const disk = openTargetDisk((workerData as { readonly root: string }).root)
const comparer = new FileComparer(disk)

parentPort?.on('message', (jobs: PlainJobs | 'end') => {
  if (jobs === 'end') process.exit() // of this thread only
  parentPort?.postMessage(comparer.compare(jobs))
})

/** A thread that compares files with what they should hold: see `compare.ts`. */
import { parentPort, workerData } from 'node:worker_threads'

import type { PlainJob } from './compare.ts'
import { compareFile, Scratch } from './compare.ts'
import { openTargetDisk } from './target-disk.ts'

const disk = openTargetDisk((workerData as { readonly root: string }).root)
const scratch = new Scratch()

parentPort?.on('message', (jobs: readonly PlainJob[] | 'end') => {
  if (jobs === 'end') process.exit() // of this thread only
  parentPort?.postMessage(jobs.map((job) => compareFile(disk, job, scratch)))
})

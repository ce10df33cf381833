/** Runs in the threads of `compare.ts`: compares files with what they should hold. */
import { serveThread, threadData } from '#base'

import { FileComparer } from './compare-files.ts'
import type { PlainJobs } from './compare-files.ts'
import { openTargetDisk } from './target-disk.ts'

const comparer = new FileComparer(openTargetDisk(await threadData<string>()))

serveThread({ compare: (jobs: PlainJobs) => comparer.compare(jobs) })

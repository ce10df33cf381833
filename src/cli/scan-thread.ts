import { postFromThread, serveThread } from '#base'
import type { Source, SourceFolder } from '#archiver'
import { compileExcludes, createFileSource } from '#filesystem'
import type { ScanOrder, ScanTotals } from './scan.ts'

/** In a thread: counts what a backup will find (`scan.ts`). */

const reportEvery = 200

serveThread({
  scan: async ({ targets, excludes, oneFileSystem }: ScanOrder): Promise<void> => {
    const paths = targets.map((target) => Buffer.from(target))
    await count(await createFileSource(paths, { excludes: compileExcludes(excludes), oneFileSystem }))
  },
})

async function count(source: Source): Promise<void> {
  const totals = { files: 0, folders: 0, bytes: 0 }
  const waiting: SourceFolder[] = [source.root]
  let reported = performance.now()
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
    for (const { stat, folder: inner } of (await source.list(folder)).entries) {
      if (inner) {
        waiting.push(inner)
        totals.folders++
      } else if (stat.type === 'file') {
        totals.files++
        totals.bytes += Number(stat.size)
      }
    }
    if (performance.now() - reported < reportEvery) continue
    report({ ...totals, finished: false })
    reported = performance.now()
  }
  report({ ...totals, finished: true })
}

function report(totals: ScanTotals): void {
  postFromThread(totals)
}

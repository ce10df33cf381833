/**
 * `npm run bench:backup [-- --rounds N --json FILE --place FOLDER]`: first backups of 50,000 small files and of one file of
 * 2 GB, Understudy as released against restic, in turn on the same machine, with the same key. Prints medians and ratios.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { peer } from '../test/helpers/peers.ts'
import { largeFile, smallFiles } from './data-sets.ts'
import { measure, median } from './measure.ts'
import type { Reading } from './measure.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    place: { type: 'string', default: join(homedir(), '.cache', 'understudy-bench') },
  },
})
const program = join(import.meta.dirname, '..', 'bin', 'understudy.js')
const repository = join(values.place, 'repository')
const env = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: repository }

interface Contender {
  readonly name: string
  readonly command: string
  readonly before: readonly string[]
}

const contenders: readonly Contender[] = [
  { name: 'understudy', command: process.execPath, before: [program] },
  { name: 'restic', command: peer('restic'), before: [] },
]

/** A first backup into a new repository, which Understudy makes for both: so their keys cost the same. */
async function firstBackup({ command, before }: Contender, folder: string): Promise<Reading> {
  rmSync(repository, { recursive: true, force: true })
  await measure(process.execPath, [program, 'init', '--quiet'], env)
  return await measure(command, [...before, 'backup', '--quiet', '--no-cache', folder], env)
}

mkdirSync(values.place, { recursive: true })
const works = {
  'first backup, 50,000 small files': smallFiles(join(values.place, 'small')),
  'first backup, one file of 2 GB': largeFile(join(values.place, 'large')),
}
const figures: Record<string, Record<string, { seconds: number; peakMb: number }>> = {}
for (const [work, folder] of Object.entries(works)) {
  const readings: Record<string, Reading[]> = {}
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const contender of contenders) (readings[contender.name] ??= []).push(await firstBackup(contender, folder))
  }
  const rows = Object.entries(readings).map(([name, list]) => {
    const peakMb = median(list.map((reading) => reading.peakMb ?? Number.NaN))
    return [name, { seconds: median(list.map(({ seconds }) => seconds)), peakMb }] as const
  })
  figures[work] = Object.fromEntries(rows)
  console.log(`\n${work} (median of ${values.rounds})`)
  for (const [name, { seconds, peakMb }] of rows)
    console.log(`  ${name.padEnd(12)} ${seconds.toFixed(2).padStart(7)} s   ${peakMb} MB`)
  const [ours, theirs] = rows.map(([, { seconds }]) => seconds)
  if (ours !== undefined && theirs !== undefined) console.log(`  ${(theirs / ours).toFixed(2)} times as fast as restic`)
}
rmSync(repository, { recursive: true, force: true })
if (values.json) writeFileSync(values.json, JSON.stringify(figures, null, 2))

/**
 * `npm run bench:server -- [--machines 10,100,1000] [--seconds N] [--rounds N] [--place FOLDER] [--database postgres://…]
 * [--only life|uploads] [--quick] [--json FILE]`: what a server does under so many machines, each with a heartbeat every 30 s, a call that waits
 * for jobs, and a backup of 20 MB an hour: how soon it answers, its memory, its processor; and how soon it takes backups, in turn
 * with restic's REST server, and what that takes of the processor.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, formatMachine } from '../machine.ts'
import { median } from '../figures.ts'
import { measureLife } from './life.ts'
import type { Life } from './life.ts'
import { reportUploads } from './upload-report.ts'
import { measureUploads } from './uploads.ts'
import type { UploadFigures, UploadWork } from './uploads.ts'

const { values } = parseArgs({
  options: {
    machines: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    place: { type: 'string', default: tmpdir() },
    database: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const counts = (values.machines ?? (values.quick ? '3' : '10,100,1000')).split(',').map(Number)
const seconds = Number(values.seconds ?? (values.quick ? 2 : 300))
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const backupBytes = values.quick ? 100_000 : 20_000_000

function percentile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Times in milliseconds and seconds, memory in MB (millions of bytes), the processor as a share of one core. */
function figuresOf({ machines, api, hello, simulated, peakMb, processor }: Life) {
  const { backups, backupSeconds, failures } = simulated
  const [p50, p99] = [0.5, 0.99]
  return {
    machines,
    apiMs: { p50: percentile(api, p50), p99: percentile(api, p99) },
    heartbeatMs: { p50: percentile(hello, p50), p99: percentile(hello, p99) },
    peakMb,
    processor,
    backups,
    backupSeconds: backups > 0 ? median(backupSeconds) : null,
    failures,
  }
}

type LifeFigures = ReturnType<typeof figuresOf>

function sayLife({ machines, apiMs, heartbeatMs, peakMb, processor, ...life }: LifeFigures): void {
  const { backups, backupSeconds, failures } = life
  const cells = [
    machines,
    `${apiMs.p50.toFixed(1)} / ${apiMs.p99.toFixed(1)} ms`,
    `${heartbeatMs.p50.toFixed(1)} / ${heartbeatMs.p99.toFixed(1)} ms`,
    `${peakMb.toFixed(0)} MB`,
    `${(processor * 100).toFixed(0)} %`,
    backups,
    backupSeconds === null ? '—' : `${backupSeconds.toFixed(2)} s`,
    failures.length,
  ]
  say(`| ${cells.join(' | ')} |`)
  for (const failure of new Set(failures.slice(0, 5))) say(`  failed: ${failure}`)
}

/** Backups as a first one sends them, and as those of a machine on which little has changed. */
function uploadWorks(quick: boolean): UploadWork[] {
  if (quick) return [{ backups: 8, backupBytes: 100_000, atOnce: 8 }]
  return [
    { backups: 40, backupBytes: 20_000_000, atOnce: 8 },
    { backups: 200, backupBytes: 200_000, atOnce: 8 },
  ]
}

const place = await mkdtemp(join(values.place, 'understudy-bench-server-'))
try {
  const machine = describeMachine(place)
  const life: LifeFigures[] = []
  const uploads: (UploadWork & UploadFigures)[] = []
  const writeFigures = () => {
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify({ machine, life, uploads }, null, 2)}\n`)
  }
  say(formatMachine(machine))
  if (values.only !== 'uploads') {
    say('| machines | API p50 / p99 | heartbeat p50 / p99 | memory | processor | backups | each | failures |')
    say('|---:|---:|---:|---:|---:|---:|---:|---:|')
    for (const machines of counts) {
      const at = join(place, String(machines))
      // In a shorter run each machine still makes its share of backups, but the quick one makes some at all.
      const backupEvery = values.quick ? 1 : 3_600
      const rhythm = { helloEvery: values.quick ? 1 : 30, backupEvery, backupBytes }
      const figures = figuresOf(
        await measureLife({ place: at, machines, seconds, database: values.database, ...rhythm }),
      )
      sayLife(figures)
      life.push(figures)
      writeFigures()
      await rm(at, { recursive: true, force: true })
    }
  }
  if (values.only !== 'life') {
    const works = uploadWorks(values.quick)
    const figures = await measureUploads(works, { place, rounds })
    for (const [i, work] of works.entries()) {
      const measured = figures[i] as UploadFigures
      say(`\n${reportUploads(work, measured).join('\n')}`)
      uploads.push({ ...work, ...measured })
    }
    writeFigures()
  }
} finally {
  await rm(place, { recursive: true, force: true })
}

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Entrant } from './bench.ts'
import type { ResticLike } from './contender.ts'
import type { Reading } from './figures.ts'
import { ours } from './figures.ts'
import { folderName } from './huge-index-layout.ts'
import type { IndexCost } from './index-memory.ts'
import { measure } from './measure.ts'
import type { Work } from './work.ts'
import { usualMemory } from './work.ts'

/** Works on a repository of ten million blobs, and what an index of so many costs in memory. */

const rounds = 1
const notes = [
  '10,000 files of 1000 blobs of 100 bytes (bench/huge-index.ts); both programs work in the same repository, which Understudy made',
]

export const hugeIndexWorks: readonly Work[] = [
  {
    name: 'index-memory',
    title: 'The index in memory, 10,000,000 blobs',
    targets: [{ kind: 'per-blob', bytes: 64 }],
    mostRounds: rounds,
    notes: [
      'the class BlobIndex alone, in a process of its own that fills it as loading a repository does (bench/index-memory.ts): growth of the resident memory',
    ],
    entrants: (bench) => [{ name: ours, run: () => measureIndex(bench) }],
  },
  hugeIndexWork('backup', 'Backup of 12,000 files into a repository of 10,000,000 blobs', (program, bench) =>
    program.run(['backup', '--quiet', bench.data.folder('generations')], repository(bench)),
  ),
  hugeIndexWork('check', 'check (structure) of a repository of 10,000,000 blobs', (program, bench) =>
    program.run(['check', '--quiet'], repository(bench)),
  ),
  hugeIndexWork('check-data', 'check --read-data of a repository of 10,000,000 blobs', (program, bench) =>
    program.run(['check', '--quiet', '--read-data'], repository(bench)),
  ),
  hugeIndexWork('restore', 'Restore of 100 files of 1000 blobs each, of 10,000,000', (program, bench) =>
    program.run(
      ['restore', 'latest', '--quiet', '--tag', 'many-blobs', '--include', `/${folderName(0)}`].concat([
        '--target',
        bench.targets.last(program.name),
      ]),
      repository(bench),
    ),
  ),
]

function hugeIndexWork(
  name: string,
  title: string,
  run: (program: ResticLike, bench: Bench) => Promise<Reading>,
): Work {
  return {
    name: `huge-index-${name}`,
    title,
    data: 'generations',
    targets: [usualMemory],
    mostRounds: rounds,
    notes,
    prepare: makeRepository,
    entrants: (bench) =>
      bench.sameFormat.map((program): Entrant => ({
        name: program.name,
        prepare: async () => bench.targets.next(program.name),
        run: () => run(program, bench),
      })),
  }
}

const made = new WeakSet<Bench>()

/** Made once for all works of this kind. It goes with the work folder. */
async function makeRepository(bench: Bench): Promise<void> {
  if (made.has(bench)) return
  const script = join(import.meta.dirname, 'huge-index.ts')
  mkdirSync(bench.workFolder, { recursive: true })
  await measure({ command: process.execPath, args: [script, repository(bench), `${bench.options.blobs}`] })
  made.add(bench)
}

async function measureIndex(bench: Bench): Promise<Reading> {
  const script = join(import.meta.dirname, 'index-memory.ts')
  const file = join(bench.workFolder, 'index-memory.json')
  const { peakMb } = await measure({ command: process.execPath, args: [script, `${bench.options.blobs}`, file] })
  const { seconds, residentBytesPerBlob } = JSON.parse(readFileSync(file, 'utf8')) as IndexCost
  return { seconds, peakMb, bytesPerBlob: residentBytesPerBlob }
}

function repository(bench: Bench): string {
  return join(bench.workFolder, 'huge-index')
}

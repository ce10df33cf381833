import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { LocalBackend } from '#backend'
import { openRepository } from '#repository'
import { decodeLockFile } from '../../../../src/repository/format/lock-file.ts'
import { password, sha256 } from '../base.ts'
import type { Batch } from '../base.ts'
import { hasPanicked, stable, timeOf, verdictOf } from '../kind.ts'
import type { FuzzKind, ResticRun, Verdict, Verdicts } from '../kind.ts'
import { mutateJson } from '../mutate.ts'

/** What restic judges one at a time: locks, and configs and keys, of which a repository has one. */

interface LockFields {
  readonly time: string
  readonly exclusive: boolean
  readonly hostname: string
  readonly username: string
  readonly pid: number
  readonly uid?: number
  readonly gid?: number
}

export const lockKind: FuzzKind = {
  name: 'lock',
  atOnce: 12,
  make: (random, base) => mutateJson(base.lock, random),
  put: (batch, mutants) => mutants.map((json) => batch.putUnpacked('locks', json)),
  theirs: (_, names, run) =>
    oneByOne(names, async (name) => verdictOfRun(await run('cat', 'lock', name, '--no-lock', '--no-cache'), lockValue)),
  async ours(folder, names) {
    await using backend = new LocalBackend(folder)
    using repository = await openRepository(backend, { password })
    return await oneByOne(names, (name) =>
      verdictOf(async () => lockFields(decodeLockFile(await repository.loadFile('lock', name)))),
    )
  },
}

function lockValue(stdout: string): string {
  return stable(lockFields(JSON.parse(stdout) as LockFields))
}

function lockFields({ time, exclusive, hostname, username, pid, uid = 0, gid = 0 }: LockFields): unknown {
  return { time: timeOf(time), exclusive, hostname, username, pid, uid, gid }
}

export const configKind: FuzzKind = {
  name: 'config',
  atOnce: 12,
  make: (random, base) => mutateJson(base.config, random),
  put: (batch, mutants) =>
    mutants.map((json, i) =>
      inRepositoryOfItsOwn(batch, i, (folder) => writeFileSync(`${folder}/config`, batch.seal(json))),
    ),
  theirs: (batch, names, run) =>
    oneByOne(names, async (name) =>
      verdictOfRun(await run('-r', `${batch.folder}/${name}`, 'cat', 'config', '--no-lock', '--no-cache'), configValue),
    ),
  ours: (folder, names) =>
    oneByOne(names, (name) =>
      verdictOf(async () => {
        await using backend = new LocalBackend(`${folder}/${name}`)
        using repository = await openRepository(backend, { password })
        const { version, id, chunkerPolynomial } = repository.config
        return { version, id, polynomial: chunkerPolynomial.toString(16) }
      }),
    ),
}

function configValue(stdout: string): string {
  const { version, id, chunker_polynomial: polynomial } = JSON.parse(stdout) as Record<string, unknown>
  return stable({ version, id, polynomial })
}

export const keyKind: FuzzKind = {
  name: 'key',
  atOnce: 12,
  make: (random, base) => mutateJson(base.key, random),
  put: (batch, mutants) =>
    mutants.map((json, i) =>
      inRepositoryOfItsOwn(batch, i, (folder) => {
        rmSync(`${folder}/keys`, { recursive: true })
        mkdirSync(`${folder}/keys`)
        writeFileSync(`${folder}/keys/${sha256(json)}`, json)
      }),
    ),
  theirs: (batch, names, run) =>
    oneByOne(names, async (name) =>
      isCostly(`${batch.folder}/${name}`)
        ? { accepted: false, why: 'not asked: it would take gigabytes' }
        : verdictOfRun(
            await run('-r', `${batch.folder}/${name}`, 'cat', 'masterkey', '--no-lock', '--no-cache'),
            () => '',
          ),
    ),
  ours: (folder, names) =>
    oneByOne(names, async (name) => {
      const verdict = await verdictOf(async () => {
        await using backend = new LocalBackend(`${folder}/${name}`)
        using _ = await openRepository(backend, { password })
      })
      return verdict.accepted ? { accepted: true, value: '' } : verdict
    }),
}

/** What a key file asks for, as far as it can be told without reading it as JSON. */
function isCostly(folder: string): boolean {
  const [name = ''] = readdirSync(`${folder}/keys`)
  const text = readFileSync(`${folder}/keys/${name}`, 'latin1')
  const product = [...text.matchAll(/"(?:N|r|p)"\s*:\s*"?([0-9.eE+-]+)/gi)].reduce(
    (all, [, digits]) => all * Math.max(1, Math.abs(Number(digits))),
    1,
  )
  return !(product < 1e6)
}

function inRepositoryOfItsOwn(batch: Batch, number: number, change: (folder: string) => void): string {
  const name = `alone-${number}`
  const folder = `${batch.folder}/${name}`
  mkdirSync(folder)
  for (const part of ['config', 'keys', 'index', 'snapshots', 'locks', 'data']) {
    if (part === 'data' || part === 'locks') mkdirSync(`${folder}/${part}`)
    else cpSync(`${batch.folder}/${part}`, `${folder}/${part}`, { recursive: true })
  }
  rmSync(`${folder}/config`, { force: true })
  cpSync(`${batch.folder}/config`, `${folder}/config`)
  change(folder)
  return name
}

async function oneByOne(names: readonly string[], judge: (name: string) => Promise<Verdict>): Promise<Verdicts> {
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) verdicts[name] = await judge(name)
  return verdicts
}

function verdictOfRun(ran: ResticRun, value: (stdout: string) => string): Verdict {
  if (hasPanicked(ran)) return { accepted: false, why: 'panic' }
  if (ran.code === 0) return { accepted: true, value: value(ran.stdout) }
  return { accepted: false, why: ran.stderr.trim().split('\n')[0] ?? '' }
}

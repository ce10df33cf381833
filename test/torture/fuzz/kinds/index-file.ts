import { LocalBackend } from '#backend'
import type { Backend } from '#backend'
import { loadIndex, openRepository } from '#repository'
import { password } from '../base.ts'
import type { Batch } from '../base.ts'
import { hasJudged, verdictOf } from '../kind.ts'
import type { FuzzKind, RunRestic, Verdict, Verdicts } from '../kind.ts'
import { mutateJson } from '../mutate.ts'

/** The JSON of index files. */
export const indexKind: FuzzKind = {
  name: 'index',
  atOnce: 40,
  make: (random, base) => mutateJson(shortIndex(base.index), random),
  put(batch, mutants) {
    batch.clear('snapshots')
    return mutants.map((json) => batch.putUnpacked('index', json))
  },
  theirs: readByRestic,
  ours: readByUs,
}

/** One pack with a few blobs: each mutation hits something. */
function shortIndex(json: Buffer): Buffer {
  const { packs } = JSON.parse(json.toString('utf8')) as { readonly packs: { id: string; blobs: unknown[] }[] }
  const short = packs.slice(0, 2).map(({ id, blobs }) => ({ id, blobs: blobs.slice(0, 2) }))
  return Buffer.from(JSON.stringify({ packs: short }))
}

async function readByRestic(_: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts> {
  const ran = await run('check', '--no-lock', '--no-cache')
  if (!hasJudged(ran)) return {}
  return Object.fromEntries(
    names.map((name): [string, Verdict] => {
      const line = ran.stderr
        .split('\n')
        .find((one) => one.includes('error loading index') && one.includes(name.slice(0, 8)))
      return [name, line === undefined ? { accepted: true, value: '' } : { accepted: false, why: line }]
    }),
  )
}

async function readByUs(folder: string, names: readonly string[]): Promise<Verdicts> {
  await using backend = new LocalBackend(folder)
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) {
    using repository = await openRepository(withOnly(backend, name), { password })
    verdicts[name] = await verdictOf(async () => {
      const { index } = await loadIndex(repository)
      for (let entry = 0; entry < index.size; entry++) index.placeOf(entry)
      return undefined
    })
    const verdict = verdicts[name]
    if (verdict?.accepted) verdicts[name] = { accepted: true, value: '' }
  }
  return verdicts
}

/** A storage in which there is no other index. */
function withOnly(backend: Backend, name: string): Backend {
  return new Proxy(backend, {
    get(target, property) {
      if (property === 'list') {
        return async function* list(type: 'index', options?: object) {
          for await (const file of target.list(type, options)) if (type !== 'index' || file.name === name) yield file
        }
      }
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

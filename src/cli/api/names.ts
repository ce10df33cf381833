import type { Cancellable } from '#base'
import { z } from 'zod'
import { callApi } from './connection.ts'
import type { Call, KnownServer } from './connection.ts'
import { CallError } from './errors.ts'
import { fillPath, kebabCase, listCommandOf, paramsOf } from './table.ts'

/** A thing of the server’s, as its list shows it. */
export interface Thing {
  readonly id: string
  readonly clientId?: string | undefined
}

type Listed = Thing & Readonly<Record<string, unknown>>

const wholeId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const startOfId = /^[0-9a-f-]{6,}$/
const wholeHash = /^[0-9a-f]{64}$/
const startOfHash = /^[0-9a-f]{6,}$/

const snapshotSchema = z.object({
  id: z.string(),
  receivedAt: z.string().nullable(),
  stored: z.boolean().optional(),
})
const pageSchema = z.object({ recoveryPoints: z.array(snapshotSchema), next: z.string().nullable() })

/**
 * Finds things by what people call them: the name, the e-mail address, the id or its first six digits or more. Names are
 * looked up in the list that the server shows to whoever asks, once for each kind of thing.
 */
export class Names {
  readonly #call: (call: Call) => Promise<unknown>
  readonly #lists = new Map<string, Promise<readonly Listed[]>>()

  constructor(server: KnownServer, headers: Readonly<Record<string, string>>, { signal }: Cancellable) {
    this.#call = async (call) => await callApi(server, { ...call, headers }, { signal })
  }

  /**
   * The thing that is meant, of the client, where one is known. A whole id is taken as it is, and so is what has no list. Throws `NAME_UNKNOWN`, `NAME_AMBIGUOUS`.
   */
  async find(
    kind: string,
    name: string,
    client: () => Promise<string | undefined> = () => Promise.resolve(undefined),
  ): Promise<Thing> {
    if (wholeId.test(name) || !listCommandOf(kind)) return { id: name }
    const all = await this.#list(kind)
    const clientId = await client()
    const near = clientId === undefined ? all : all.filter((one) => (one.clientId ?? clientId) === clientId)
    const found = meant(near, kind, name)
    if (found.length > 1) {
      const ids = found.slice(0, 10).map(({ id }) => id)
      throw new CallError('NAME_AMBIGUOUS', { thing: kind, name, ids: ids.join(', ') })
    }
    if (!found[0]) throw new CallError('NAME_UNKNOWN', { thing: kind, name, list: listLine(kind) })
    return found[0]
  }

  /** What people call a thing; undefined: it is not in the list that whoever asks may see. */
  async nameOf(kind: string, id: string): Promise<string | undefined> {
    const all = await this.#list(kind).catch(() => [])
    const thing = all.find((one) => one.id === id)
    if (!thing) return undefined
    // Two people may have one name.
    const names = kind === 'person' ? [thing['email']] : namesOf(thing, kind)
    return names.find((name) => typeof name === 'string')
  }

  /**
   * The id of a snapshot of a machine, or of a repository, by its first digits; `latest` is the one that the server received
   * last. Throws `NAME_UNKNOWN`, `NAME_AMBIGUOUS`.
   */
  async findSnapshot({ kind, id }: { readonly kind: string; readonly id: string }, name: string): Promise<string> {
    if (wholeHash.test(name)) return name
    const found = new Set<string>()
    for await (const snapshot of this.#snapshotsOf(kind, id)) {
      if (name === 'latest' && snapshot.receivedAt !== null && snapshot.stored !== false) return snapshot.id
      if (startOfHash.test(name) && snapshot.id.startsWith(name)) found.add(snapshot.id)
    }
    const [first, ...more] = found
    if (more.length > 0) throw new CallError('NAME_AMBIGUOUS', { thing: 'snapshot', name, ids: [...found].join(', ') })
    if (first === undefined) throw new CallError('SNAPSHOT_UNKNOWN', { name, thing: kind })
    return first
  }

  /** Of a machine the one received last is first. */
  async *#snapshotsOf(kind: string, id: string): AsyncGenerator<z.output<typeof snapshotSchema>> {
    const path = `/api/${kind === 'machine' ? 'machines' : 'repositories'}/${id}/snapshots`
    if (kind !== 'machine') {
      yield* z.array(snapshotSchema).parse(await this.#call({ method: 'GET', path }))
      return
    }
    for (let after: string | null = ''; after !== null;) {
      const more: string = after === '' ? '' : `&after=${after}`
      const page = pageSchema.parse(await this.#call({ method: 'GET', path: `${path}?limit=500${more}` }))
      yield* page.recoveryPoints
      after = page.next
    }
  }

  /** The client to which a thing of this id belongs, where its list says so. */
  async clientOf(kind: string, id: string): Promise<string | undefined> {
    if (!listCommandOf(kind)) return undefined
    return (await this.#list(kind)).find((one) => one.id === id)?.clientId
  }

  async #list(kind: string): Promise<readonly Listed[]> {
    const known = this.#lists.get(kind) ?? this.#fetch(kind)
    this.#lists.set(kind, known)
    return await known
  }

  /** Where things are listed for each of something else, such as the policies of a client, all those lists together. */
  async #fetch(kind: string): Promise<readonly Listed[]> {
    const command = listCommandOf(kind)
    if (!command) return []
    const [param] = paramsOf(command)
    const paths: string[] = []
    if (param === undefined) paths.push(command.path)
    else for (const { id } of await this.#list(param)) paths.push(fillPath(command, { [param]: id }))
    const answers = await Promise.all(paths.map(async (path) => await this.#call({ method: 'GET', path })))
    return answers.flat().filter(isListed)
  }
}

/** What somebody types to see what there is. */
function listLine(kind: string): string {
  const command = listCommandOf(kind)
  const params = command ? paramsOf(command).map((param) => kebabCase(param).toUpperCase()) : []
  return ['understudy', kind, 'list', ...params].join(' ')
}

function isListed(item: unknown): item is Listed {
  return typeof (item as { readonly id?: unknown } | null)?.id === 'string'
}

function meant(all: readonly Listed[], kind: string, name: string): readonly Listed[] {
  const exact = all.filter((one) => one.id === name || namesOf(one, kind).includes(name))
  return exact.length === 0 && startOfId.test(name) ? all.filter(({ id }) => id.startsWith(name)) : exact
}

/** A thing has its name itself, or, as a stored policy, in what it stores. */
function namesOf(one: Listed, kind: string): readonly unknown[] {
  const inner = one[kind] as { readonly name?: unknown } | undefined
  return [one['name'], one['email'], inner?.name]
}

import { createHash } from 'node:crypto'
import { findSubtree } from '#restorer'
import { findSnapshot, idFromHex, loadBlob, loadIndex, loadTree } from '#repository'
import type { IndexedRepository, Repository } from '#repository'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { findFile, objectNotFound } from '../find-file.ts'
import { encodeJson } from '../json.ts'
import { readRepository } from '../open-repository.ts'
import { splitSnapshotName } from '../snapshot-flags.ts'
import { snapshotFields } from '../snapshot-view.ts'

type Print = (
  repository: Repository,
  id: string,
  context: CommandContext & { readonly signal: AbortSignal },
) => Promise<string | Uint8Array>

/** What each kind prints: text, which a line end follows, or bytes as they are. */
const kinds: Readonly<Record<string, Print>> = {
  config: async ({ config: { version, id, chunkerPolynomial } }) =>
    encodeJson({ version, id, chunker_polynomial: chunkerPolynomial.toString(16) }, 2),
  masterkey: async ({ settings: { masterKey } }) => {
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
    const { encrypt, macK, macR } = masterKey
    return encodeJson({ mac: { k: base64(macK), r: base64(macR) }, encrypt: base64(encrypt) }, 2)
  },
  snapshot: async (repository, id, { signal }) =>
    encodeJson(snapshotFields(await findSnapshot(repository, id, { signal })), 2),
  index: async (repository, id, { signal }) => {
    const name = await findFile(repository.backend, 'index', id, { signal })
    return (await repository.loadFile('index', name, { signal })).toString('utf8')
  },
  lock: async (repository, id, { signal }) => {
    const name = await findFile(repository.backend, 'lock', id, { signal })
    return indent(await repository.loadFile('lock', name, { signal }))
  },
  key: async ({ backend }, id, { signal }) => {
    const name = await findFile(backend, 'key', id, { signal })
    return indent(await backend.read({ type: 'key', name }, { signal }))
  },
  pack: async ({ backend }, id, { signal, printer }) => {
    const name = await findFile(backend, 'pack', id, { signal })
    const bytes = await backend.read({ type: 'pack', name }, { signal })
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (hash !== name) printer.error(`Warning: the pack is damaged: its name is ${name}, its content has ${hash}`)
    return bytes
  },
  blob: printBlob,
  tree: printTree,
}

const withoutId = ['config', 'masterkey']

export function define(command: CliCommand): void {
  setHelp(command, {
    text: 'Prints an object of the repository, decrypted: for those who want to look behind the curtain.',
    examples: ['understudy cat config', 'understudy cat snapshot latest', 'understudy cat tree latest:/home'],
  })
  command.argument('<kind>', Object.keys(kinds).join(', '))
  command.argument('[id]', 'id of the object, or the first digits of it; for a tree snapshot:folder')
  runs(command, async (context, [kind = '', ...ids]) => {
    const print = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (!print) throw context.refuse(`there is no kind "${kind}"; there are ${Object.keys(kinds).join(', ')}`)
    if (ids.length !== 1 && !withoutId.includes(kind)) throw context.refuse(`${kind} wants one id`)
    await readRepository(context, async (repository, signal) => {
      const printed = await print(repository, ids[0] ?? '', { ...context, signal })
      context.printer.terminal.write(typeof printed === 'string' ? `${printed}\n` : printed)
    })
  })
}

async function printBlob(repository: Repository, text: string, { signal }: CommandContext): Promise<Buffer> {
  if (!/^[0-9a-f]{64}$/.test(text)) throw objectNotFound('blob', text)
  const indexed = await loadIndex(repository, { signal })
  const id = idFromHex(text)
  const type = indexed.index.findAll('data', id).length > 0 ? 'data' : 'tree'
  return await loadBlob(indexed, type, id, { signal })
}

async function printTree(repository: Repository, name: string, { signal }: CommandContext): Promise<Buffer> {
  const { id, subfolder } = splitSnapshotName(name)
  const snapshot = await findSnapshot(repository, id, { signal })
  const indexed: IndexedRepository = await loadIndex(repository, { signal })
  const trees = { loadTree: (tree: Buffer) => loadTree(indexed, tree, { signal }) }
  const tree = await findSubtree(trees, { tree: snapshot.tree, path: Buffer.from(subfolder) }, { signal })
  return await loadBlob(indexed, 'tree', tree, { signal })
}

function indent(json: Buffer): string {
  return encodeJson(JSON.parse(json.toString('utf8')), 2)
}

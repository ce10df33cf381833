import { createHash, hash } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'
import { openBackend, syncLocalFolder, systemFiles } from '#backend'
import type { Backend } from '#backend'
import { firstCopyNames, firstCopyText, firstCopyTypes } from '#protocol'
import type { FirstCopyPage } from '#protocol'
import { AgentError } from '../errors.ts'
import type { MachineKey } from '../link/machine-key.ts'
import type { OwnRepository, SignedSnapshot } from '../state.ts'

/** A folder on the disk by which a first copy travels. */
export interface TravelDisk {
  /** As somebody named it. */
  readonly folder: string
  /** Where the repository lies on it. */
  readonly repository: string
}

export function travelDisk(folder: string): TravelDisk {
  return { folder, repository: join(folder, firstCopyNames.repository) }
}

/**
 * Makes the folder ready: from now on it counts as not finished, and has the machine's repository with its keys, but without
 * its data. What was written there before for this machine stays. Returns the SHA-256 of the repository's config.
 * Throws `FIRST_COPY_PLACE`, and what the storages throw.
 */
export async function prepareDisk(
  disk: TravelDisk,
  repository: OwnRepository,
  { certificateFile, signal }: Cancellable & { readonly certificateFile: string | undefined },
): Promise<string> {
  const { folder } = disk
  await requireFolder(folder)
  await rm(join(folder, firstCopyNames.page), { force: true }).catch((cause: unknown) => {
    throw new AgentError('FIRST_COPY_PLACE', { folder, reason: messageOf(cause), cause })
  })
  await using own = openOwn(repository, certificateFile)
  await using there = openLocal(disk)
  const config = await own.read(configFile, { signal })
  const found = await there.size(configFile, { signal })
  if (found === undefined) await copyKeys(own, there, { signal, config })
  else if (!(await there.read(configFile, { signal })).equals(config)) {
    throw new AgentError('FIRST_COPY_PLACE', { folder, reason: 'the first copy of another machine lies there' })
  }
  return hash('sha256', config)
}

const configFile = { type: 'config', name: '' } as const

async function requireFolder(folder: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    (thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return false
      throw new AgentError('FIRST_COPY_PLACE', { folder, reason: messageOf(thrown), cause: thrown })
    },
  )
  // One that is made here would lie on the machine's own disk as long as nothing is mounted.
  if (!isFolder) throw new AgentError('FIRST_COPY_PLACE', { folder, reason: 'there is no such folder' })
}

// The config last: what has one is a repository.
async function copyKeys(
  from: Backend,
  to: Backend,
  { config, signal }: Cancellable & { readonly config: Uint8Array },
): Promise<void> {
  await to.create({ signal })
  for await (const { name } of from.list('key', { signal })) {
    const file = { type: 'key', name } as const
    await to.write(file, await from.read(file, { signal }), { signal })
  }
  await to.write(configFile, config, { signal })
}

function openOwn({ url, user, secret }: OwnRepository, certificateFile: string | undefined): Backend {
  const location = new URL(url)
  location.username = user
  location.password = secret
  const tls = certificateFile === undefined ? {} : { tls: { cacerts: [certificateFile] } }
  return openBackend(`rest:${location.href}`, tls)
}

function openLocal({ repository: path }: TravelDisk): Backend {
  return openBackend({ scheme: 'local', path, display: path })
}

export interface Finishing extends Cancellable {
  readonly machineId: string
  readonly repositoryId: string
  readonly configHash: string
  readonly key: MachineKey
  /** The machine's own list. */
  readonly signed: readonly SignedSnapshot[]
}

/** Lists what is on the disk and signs the list: then it may travel. Returns the page that was written last. */
export async function finishDisk(disk: TravelDisk, { signed, signal, ...about }: Finishing): Promise<FirstCopyPage> {
  await using there = openLocal(disk)
  const own = new Map(
    signed.flatMap(({ repositoryId, snapshotId, signature }) =>
      repositoryId === about.repositoryId ? [[snapshotId, { snapshotId, signature }]] : [],
    ),
  )
  const snapshots: FirstCopyPage['snapshots'] = []
  const { key, machineId, repositoryId, configHash } = about
  const listHash = createHash('sha256')
  let [files, bytes] = [0, 0]
  {
    await using list = await open(join(disk.folder, firstCopyNames.list), 'w', 0o600)
    for (const type of firstCopyTypes) {
      for await (const { name, size } of there.list(type, { signal })) {
        const snapshot = own.get(name)
        if (type === 'snapshot' && !snapshot) continue // not one of this machine's
        if (snapshot) snapshots.push(snapshot)
        const line = `${type} ${name} ${size}\n`
        listHash.update(line)
        await list.writeFile(line)
        files++
        bytes += size
      }
    }
    await list.sync()
  }
  const signing = { machineId, repositoryId, configHash, listHash: listHash.digest('hex') }
  const signature = key.sign(firstCopyText(signing))
  const page: FirstCopyPage = { version: 1, ...signing, files, bytes, snapshots, signature }
  await writePage(disk, page)
  return page
}

async function writePage({ folder }: TravelDisk, page: FirstCopyPage): Promise<void> {
  const path = join(folder, firstCopyNames.page)
  {
    await using file = await open(`${path}.new`, 'w', 0o600)
    await file.writeFile(`${JSON.stringify(page, null, 2)}\n`)
    await file.sync()
  }
  await rename(`${path}.new`, path)
  await syncLocalFolder(systemFiles, folder)
}

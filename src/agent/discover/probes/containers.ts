import type { Evidence } from '#protocol'
import { byFile, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import { readHomes } from '../homes.ts'
import type { Machine } from '../machine.ts'

/** Containers, and the folders in which they keep what must outlive them. */
export const containers: Probe = {
  name: 'containers',
  title: 'containers (Docker, Podman, LXC)',
  look: async (machine) => {
    for (const container of await dockerContainers(machine)) reportContainer(machine, container)
    for (const container of await podmanContainers(machine)) reportContainer(machine, container)
    reportPodmanVolumes(machine)
    reportLxc(machine)
  },
}

interface Container {
  readonly by: 'Docker' | 'Podman'
  readonly name: string
  readonly image: string
  /** Folders of this machine that it has: volumes and others. */
  readonly folders: readonly string[]
  /** The file it is described in, for `docker compose`. */
  readonly compose: readonly string[]
  readonly evidence: Evidence
}

/** A database in a container is a database. */
const databaseImage =
  /(?:^|\/)(?:postgres|postgis|timescaledb|mariadb|mysql|mongo|redis|valkey|influxdb|mssql|oracle|couchdb)/i

function reportContainer(machine: Machine, { by, name, image, folders, compose, evidence }: Container): void {
  const places = [
    ...folders.filter((path) => machine.files.isFolder(path)).map(folderAt),
    ...compose.map((path) => ({ path, isFile: true })),
  ]
  const isDatabase = databaseImage.test(image)
  const keepsNothing = places.length === 0
  machine.sink.finding(
    makeFinding({
      kind: 'container',
      name: `${by}:${name}`,
      title: `${by} container ${name} (${image})${keepsNothing ? ', which has no folder of this machine' : ''}`,
      evidence: [evidence],
      places,
      ...machine.measure(places),
      backUpBy: isDatabase ? 'hook' : keepsNothing ? 'nothing' : 'files',
      advice: isDatabase
        ? 'A hook makes the database in it write a dump (docker exec …): copies of its files while it works are no backup.'
        : keepsNothing
          ? 'Keep its compose file or the command that starts it; whatever is written inside is lost with it.'
          : 'Back up its volumes and its compose file; the image is fetched again.',
    }),
  )
}

/** Docker's own files, which root may read; else what `docker` says. */
async function dockerContainers(machine: Machine): Promise<Container[]> {
  const { files } = machine
  const folder = '/var/lib/docker/containers'
  const ids = files.names(folder)
  const told = ids.flatMap((id) => {
    const file = `${folder}/${id}/config.v2.json`
    return describe('Docker', parseJson(files.text(file)), byFile(file))
  })
  if (told.length > 0) return told
  return await inspect(machine, 'docker', 'Docker')
}

async function podmanContainers(machine: Machine): Promise<Container[]> {
  return await inspect(machine, 'podman', 'Podman')
}

/** What containers are there at most; hundreds are a cluster's business. */
const mostContainers = 500

async function inspect({ run }: Machine, program: string, by: Container['by']): Promise<Container[]> {
  const ids =
    (await run(program, ['ps', '--all', '--quiet', '--no-trunc']))?.split('\n').filter((id) => id !== '') ?? []
  if (ids.length === 0) return []
  const printed = await run(program, ['inspect', '--type', 'container', ...ids.slice(0, mostContainers)])
  const list = parseJson(printed)
  const evidence = { from: 'command' as const, what: `${program} inspect` }
  return Array.isArray(list) ? list.flatMap((one) => describe(by, one, evidence)) : []
}

/** Docker's file has `MountPoints` by place; `inspect` has a list `Mounts`. The environment, where passwords are, is not read. */
function describe(by: Container['by'], value: unknown, evidence: Container['evidence']): Container[] {
  const config = valueIn(value, 'Config')
  const name = textIn(value, 'Name').replace(/^\//, '')
  if (name === '') return []
  const mounts = valueIn(value, 'Mounts') ?? valueIn(value, 'MountPoints')
  const list = typeof mounts === 'object' && mounts !== null ? Object.values(mounts) : []
  const folders = list
    .map((mount) => textIn(mount, 'Source'))
    .filter((path) => path.startsWith('/') && !isOfSystem(path))
  const labels = valueIn(config, 'Labels')
  const compose = textIn(labels, 'com.docker.compose.project.config_files')
  return [
    {
      by,
      name,
      image: textIn(config, 'Image') || textIn(value, 'ImageName'),
      folders,
      compose: compose.split(',').filter((path) => path.startsWith('/')),
      evidence,
    },
  ]
}

/** Sockets and settings of the machine that containers are given are no data of theirs. */
function isOfSystem(path: string): boolean {
  return /^\/(?:proc|sys|dev|run|var\/run)(?:\/|$)/.test(path) || /^\/(?:etc\/(?:localtime|timezone))?$/.test(path)
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

function valueIn(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}

function textIn(value: unknown, key: string): string {
  const found = valueIn(value, key)
  return typeof found === 'string' ? found : ''
}

/** Podman has volumes of the machine, and of each user. */
function reportPodmanVolumes(machine: Machine): void {
  const folders = [
    '/var/lib/containers/storage/volumes',
    ...readHomes(machine).map(({ path }) => `${path}/.local/share/containers/storage/volumes`),
  ]
  for (const folder of folders) {
    const places = machine.files.names(folder).map((name) => folderAt(`${folder}/${name}`))
    if (places.length === 0) continue
    machine.sink.finding(
      makeFinding({
        kind: 'container',
        name: `Podman:${folder}`,
        title: `Volumes of Podman: ${places.length}`,
        evidence: [byFile(folder)],
        places,
        ...machine.measure(places),
        backUpBy: 'files',
        advice: 'Back them up as files; a database in one of them needs a dump by a hook.',
      }),
    )
  }
}

/** Containers that are whole systems: LXC, LXD, Incus. */
function reportLxc(machine: Machine): void {
  const { files } = machine
  const plain = files.names('/var/lib/lxc').filter((name) => files.exists(`/var/lib/lxc/${name}/config`))
  const managed = ['/var/lib/incus/containers', '/var/lib/lxd/containers', '/var/snap/lxd/common/lxd/containers']
  const all = [
    ...plain.map((name) => ['LXC', `/var/lib/lxc/${name}`] as const),
    ...managed.flatMap((folder) => files.names(folder).map((name) => ['LXD or Incus', `${folder}/${name}`] as const)),
  ]
  for (const [by, path] of all) {
    machine.sink.finding(
      makeFinding({
        kind: 'container',
        name: path,
        title: `${by} container ${path.slice(path.lastIndexOf('/') + 1)}`,
        evidence: [byFile(path)],
        places: [folderAt(path)],
        ...machine.measure([folderAt(path)]),
        backUpBy: 'whole-machine',
        advice:
          'It is a machine of its own: enrol it, so that its files and databases are found, or back it up at rest.',
      }),
    )
  }
}

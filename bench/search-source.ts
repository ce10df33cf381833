/**
 * A machine of made-up files, as the thread that makes search indexes reads it: so many files, one recovery point a day, and a
 * hundredth of the files changed in between, most of them in a few folders. Trees are made when they are asked for, so that
 * 400 days of a million files need no disk.
 */
import { encodeNode, encodeTree, openTree } from '#repository'
import type { Node, Tree } from '#repository'
import type { OpenedSource, SnapshotSource } from '../src/server/search/source.ts'
import { randomFrom } from '../test/helpers/seed.ts'
import type { Random } from '../test/helpers/seed.ts'

export interface MachineOfFiles {
  readonly files: number
  /** Recovery points that there are. */
  readonly days: number
}

const filesPerFolder = 20
const foldersPerArea = 100
/** Changes in a folder on a day when there are some. */
const changesPerFolder = 10
const day = 86_400_000
const begin = Date.UTC(2025, 0, 1)

const words = (
  'account annual archive audit balance board brief budget calendar cash client contract copy cost customer delivery design ' +
  'draft estimate export final forecast guide holiday import inventory invoice item journal label ledger letter list machine ' +
  'manual meeting memo minutes monthly notes offer order overview payment plan price print product project protocol purchase ' +
  'quality quarterly receipt record report request résumé review salary sales sample schedule service sheet statement stock ' +
  'straße summary supplier survey table tax template test timesheet tour training transfer travel update vendor visit weekly'
).split(' ')
const endings = ['xlsx', 'docx', 'pdf', 'txt', 'jpg', 'csv', 'eml', 'png', 'log', 'zip']

export class MadeUpMachine implements SnapshotSource {
  readonly #machine: MachineOfFiles
  readonly #random: Random = randomFrom(1)
  readonly #folders: number
  /** For each file: the number that its name is made of, and that of its content; its size and time follow from both. */
  readonly #names: Uint32Array
  readonly #contents: Uint32Array
  /** The day on which each folder, and each area, was last changed. */
  readonly #changed: Uint16Array
  readonly #areaChanged: Uint16Array
  #day = 0
  #lastName: number

  constructor(machine: MachineOfFiles) {
    this.#machine = machine
    this.#folders = Math.ceil(machine.files / filesPerFolder)
    this.#names = Uint32Array.from({ length: this.#folders * filesPerFolder }, (_, file) => file)
    this.#contents = new Uint32Array(this.#names.length)
    this.#changed = new Uint16Array(this.#folders)
    this.#areaChanged = new Uint16Array(Math.ceil(this.#folders / foldersPerArea))
    this.#lastName = this.#names.length
  }

  async list(): Promise<ReadonlySet<string>> {
    return new Set(Array.from({ length: this.#machine.days }, (_, number) => snapshotId(number)))
  }

  async *load(ids: readonly string[]) {
    for (const id of ids) {
      const number = Number.parseInt(id, 16)
      const time = new Date(begin + number * day).toISOString()
      yield { id, time, host: 'machine', paths: ['/srv'], tags: [], tree: this.rootOf(number).toString('hex') }
    }
  }

  async openTrees(): Promise<(id: Buffer) => Promise<Tree>> {
    return (id) => Promise.resolve(openTree(this.makeTree(id)))
  }

  async isGone(): Promise<boolean> {
    return false
  }

  rootOf(number: number): Buffer {
    return treeId('root', 0, number)
  }

  /** Trees are asked for day after day: what was before is not remembered. */
  makeTree(id: Buffer): Buffer {
    const [kind, number, changedOn] = [id[0], id.readUInt32LE(4), id.readUInt32LE(8)]
    while (this.#day < changedOn) this.#passDay()
    if (kind === kinds.root) return this.#treeOf(this.#areaChanged.length, (area) => this.#areaNode(area))
    if (kind === kinds.folder) return this.#treeOf(filesPerFolder, (at) => this.#fileNode(number * filesPerFolder + at))
    const first = number * foldersPerArea
    return this.#treeOf(Math.min(foldersPerArea, this.#folders - first), (at) => this.#folderNode(first + at))
  }

  #passDay(): void {
    this.#day++
    const changes = Math.max(1, Math.round(this.#machine.files / 100 / changesPerFolder))
    for (let i = 0; i < changes; i++) {
      const folder = this.#random.below(this.#folders)
      this.#changed[folder] = this.#day
      this.#areaChanged[Math.floor(folder / foldersPerArea)] = this.#day
      for (let change = 0; change < changesPerFolder; change++) {
        const file = folder * filesPerFolder + ((change * 7 + this.#day) % filesPerFolder)
        // One of ten changes is a file that is gone and another that came.
        if (change === 0) this.#names[file] = this.#lastName++
        this.#contents[file] = this.#day
      }
    }
  }

  #treeOf(count: number, nodeOf: (at: number) => Node): Buffer {
    const nodes = Array.from({ length: count }, (_, at) => nodeOf(at))
    nodes.sort((a, b) => Buffer.compare(a.name, b.name))
    return encodeTree(nodes.map(encodeNode))
  }

  #areaNode(area: number): Node {
    const subtree = treeId('area', area, this.#areaChanged[area] as number)
    return { ...blank, name: Buffer.from(nameOf(area * 31, 'area')), type: 'dir', subtree }
  }

  #folderNode(folder: number): Node {
    const subtree = treeId('folder', folder, this.#changed[folder] as number)
    return { ...blank, name: Buffer.from(nameOf(folder * 17, 'folder')), type: 'dir', subtree }
  }

  #fileNode(file: number): Node {
    const [name, content] = [this.#names[file] as number, this.#contents[file] as number]
    const blob = Buffer.alloc(32)
    blob.writeUInt32LE(name, 0)
    blob.writeUInt32LE(content, 4)
    return {
      ...blank,
      name: Buffer.from(fileName(name)),
      type: 'file',
      mtime: new Date(begin + content * day - (name % 86_400) * 1000).toISOString(),
      size: BigInt(((name * 2_654_435_761 + content * 977) >>> 0) % 5_000_000),
      content: blob,
    }
  }
}

const time = '2025-01-01T00:00:00Z'
const blank: Node = {
  name: Buffer.alloc(0),
  type: 'file',
  mode: 0o644,
  mtime: time,
  atime: time,
  ctime: time,
  uid: 1000,
  gid: 1000,
  user: 'user',
  group: 'group',
  inode: 0n,
  deviceId: 0n,
  size: 0n,
  links: 1n,
  device: 0n,
  content: null,
}

const kinds = { root: 0, area: 1, folder: 2 } as const

function treeId(kind: keyof typeof kinds, number: number, changedOn: number): Buffer {
  const id = Buffer.alloc(32)
  id[0] = kinds[kind]
  id.writeUInt32LE(number, 4)
  id.writeUInt32LE(changedOn, 8)
  return id
}

export function fileName(number: number): string {
  return nameOf(number, endings[number % endings.length] as string)
}

/** `annual-invoice 4711.xlsx` */
function nameOf(number: number, ending: string): string {
  const [first, second] = [words[number % words.length], words[Math.floor(number / words.length) % words.length]]
  return `${first}-${second} ${number}.${ending}`
}

function snapshotId(number: number): string {
  return number.toString(16).padStart(64, '0')
}

export async function openForSearch(options: unknown): Promise<OpenedSource> {
  return { source: new MadeUpMachine(options as MachineOfFiles), [Symbol.asyncDispose]: () => Promise.resolve() }
}

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import test from 'node:test'

import type { Source, SourceEntry, SourceFolder } from '#archiver'

import { run, runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { readMounts } from '../mounts.ts'
import { createContentReader } from '../reader.ts'
import { createFileSource } from '../source.ts'
import { isLeftOver, newSnapshotName } from './leftovers.ts'
import { openVolumeSnapshot } from './open.ts'
import { isSound, planVolumeSnapshot } from './plan.ts'
import type { Volume } from './plan.ts'
import type { VolumeCommand } from './run-command.ts'

const lvm: Volume = { kind: 'lvm', path: '/srv', id: 'vg/data', fileSystem: 'xfs' }
const options = { name: 'understudy-snapshot-1-2-0000abcd', mountFolder: '/run' }

const textOf = ({ program, args }: VolumeCommand) => `${program} ${args.join(' ')}`

test('what is run for each kind of volume stands in its plan', () => {
  const plan = planVolumeSnapshot(lvm, options)
  assert.deepEqual(plan.create.map(textOf), [
    `lvcreate --snapshot --name ${options.name} --extents 20%ORIGIN vg/data`,
    `mount -t xfs -o ro,nouuid /dev/vg/${options.name} /run/${options.name}`,
  ])
  assert.deepEqual(plan.drop.map(textOf), [`umount /run/${options.name}`, `lvremove --yes vg/${options.name}`])

  const thin = planVolumeSnapshot({ ...lvm, fileSystem: 'ext4', isThin: true }, options)
  assert.match(textOf(thin.create[0] as VolumeCommand), /--setactivationskip n vg\/data$/)
  assert.match(textOf(thin.create[1] as VolumeCommand), /-t ext4 -o ro /)

  const zfs = planVolumeSnapshot({ kind: 'zfs', path: '/tank', id: 'tank/a', fileSystem: 'zfs' }, options)
  assert.deepEqual([...zfs.create, ...zfs.drop].map(textOf), [
    `zfs snapshot tank/a@${options.name}`,
    `zfs destroy tank/a@${options.name}`,
  ])
  assert.equal(zfs.readAt, `/tank/.zfs/snapshot/${options.name}`)
})

test('an LVM snapshot that is full or invalid is not sound', () => {
  assert.equal(isSound(lvm, '  swi-aos---   12.50\n'), true)
  assert.equal(isSound(lvm, '  swi-aos---  100.00\n'), false)
  assert.equal(isSound(lvm, '  swi-Ios---  100.00\n'), false)
  assert.equal(isSound(lvm, ''), false)
  assert.equal(isSound({ ...lvm, isThin: true }, '  Vri-aotz-k  100.00\n'), true)
})

test('only snapshots of ours whose maker is gone are leftovers', () => {
  assert.equal(isLeftOver(newSnapshotName()), false)
  assert.equal(isLeftOver(`understudy-snapshot-${process.pid}-1-0123abcd`), true) // the number was given to another since
  assert.equal(isLeftOver('understudy-snapshot-4194305-5-0123abcd'), true)
  assert.equal(isLeftOver('data'), false)
  assert.equal(isLeftOver('understudy-snapshot-'), false)
})

/** Answers like LVM, keeps what was run, and can fail at one command. */
function fakeLvm(failAt?: RegExp, share = '1.00') {
  const commands: string[] = []
  const execute = (command: VolumeCommand) => {
    const text = textOf(command)
    commands.push(text)
    if (failAt?.test(text)) return Promise.reject(new Error('insufficient free space'))
    if (/vg_name,lv_name,segtype/.test(text)) return Promise.resolve('  vg/data/linear\n')
    if (/-o lv_name vg/.test(text)) return Promise.resolve('  data\n  understudy-snapshot-4194305-5-0123abcd\n')
    return Promise.resolve(/lv_attr/.test(text) ? `  swi-aos---  ${share}\n` : '')
  }
  return { commands, run: execute }
}

/** The file system that the folder lies on, said to be LVM's. */
const fakeMounts = (place: string) => [{ path: place, root: '/', type: 'ext4', source: '/dev/mapper/vg-data' }]

test('a snapshot is taken, leftovers are dropped before, and it is dropped when done', async () => {
  await using folder = await tempFolder()
  const { commands, run: execute } = fakeLvm()
  const opened = await openVolumeSnapshot([folder.path], { kind: 'lvm', run: execute, mounts: fakeMounts(folder.path) })
  assert.equal(opened.consistency, 'crash-consistent')
  const place = opened.readFrom?.map(folder.join('a/b')) as string
  assert.match(place, /understudy-snapshot-.*\/a\/b$/)
  await opened.readFrom?.verify()
  await opened[Symbol.asyncDispose]()
  const ran = commands.map((text) => text.replace(/understudy-snapshot-\d+-\d+-[0-9a-f]{8}/g, 'NAME'))
  assert.deepEqual(
    ran.filter((text) => !text.startsWith('lvs')).map((text) => text.split(' ').slice(0, 2).join(' ')),
    [
      'lvremove --yes',
      'lvcreate --snapshot',
      'mount -t',
      `umount ${place.replace(/\/a\/b$/, '').replace(/understudy-snapshot-.*$/, 'NAME')}`,
      'lvremove --yes',
    ],
  )
})

test('a snapshot that fails half-way is taken back; `auto` then reads as is and says so', async () => {
  await using folder = await tempFolder()
  const mounts = fakeMounts(folder.path)
  const strict = fakeLvm(/^mount/)
  await assert.rejects(openVolumeSnapshot([folder.path], { kind: 'lvm', run: strict.run, mounts }), {
    code: 'VOLUME_SNAPSHOT_FAILED',
    message: /insufficient free space/,
  })
  assert.match(strict.commands.at(-1) ?? '', /^lvremove --yes vg\/understudy-snapshot-/)

  await using opened = await openVolumeSnapshot([folder.path], { kind: 'auto', run: fakeLvm(/^lvcreate/).run, mounts })
  assert.equal(opened.consistency, 'as-read')
  assert.match(opened.because ?? '', /insufficient free space/)
  assert.equal(opened.readFrom, undefined)
})

test('a snapshot that fills up meanwhile makes the backup fail', async () => {
  await using folder = await tempFolder()
  const { run: execute } = fakeLvm(undefined, '100.00')
  await using opened = await openVolumeSnapshot([folder.path], {
    kind: 'auto',
    run: execute,
    mounts: fakeMounts(folder.path),
  })
  await assert.rejects(async () => opened.readFrom?.verify(), { code: 'VOLUME_SNAPSHOT_LOST' })
})

test('what is mounted below is never left out in silence', async () => {
  await using folder = await tempFolder()
  const mounts = [
    ...fakeMounts(folder.path),
    { path: folder.join('other'), root: '/', type: 'ext4', source: '/dev/sdb1' },
    { path: folder.join('proc'), root: '/', type: 'proc', source: 'proc' },
  ]
  const open = (kind: 'lvm' | 'auto', oneFileSystem: boolean) =>
    openVolumeSnapshot([folder.path], { kind, oneFileSystem, run: fakeLvm().run, mounts })
  await assert.rejects(open('lvm', false), { code: 'VOLUME_NOT_WHOLE', message: /other/ })
  await using loose = await open('auto', false)
  assert.equal(loose.consistency, 'as-read')
  assert.match(loose.because ?? '', /other/)
  assert.equal(loose.readFrom?.map(folder.join('other/x')), folder.join('other/x'))
  await using strict = await open('lvm', true)
  assert.equal(strict.consistency, 'crash-consistent')
})

function cannotBtrfs(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  if (spawnSync('mkfs.btrfs', ['--version']).status !== 0) return 'not on this machine: btrfs-progs'
  if (!readFileSync('/proc/filesystems', 'latin1').includes('\tbtrfs\n')) return 'kernel: it has no btrfs'
  return existsSync('/dev/loop-control') ? false : 'kernel: it has no loop devices'
}

/** A btrfs of its own, mounted. */
async function mountBtrfs() {
  const folder = await tempFolder()
  const image = folder.join('image')
  writeFileSync(image, '')
  truncateSync(image, 256 << 20)
  await runOk('mkfs.btrfs', ['-q', image])
  const place = folder.join('mnt')
  mkdirSync(place)
  await runOk('mount', ['-o', 'loop', image, place])
  return {
    path: place,
    [Symbol.asyncDispose]: async () => {
      await run('umount', [place])
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Every file in the source with its content, read as the threads read it. */
async function readAll(source: Source) {
  const reader = createContentReader(source.reader.options)
  const found = new Map<string, { readonly entry: SourceEntry; readonly text?: string }>()
  const waiting: SourceFolder[] = [source.root]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { entries, problems } = await source.list(next)
    assert.deepEqual(problems, [])
    for (const entry of entries) {
      if (entry.folder) waiting.push(entry.folder)
      if (entry.ref === undefined) found.set(entry.path.toString(), { entry })
      else {
        using content = reader.open(entry.ref)
        const into = Buffer.alloc(1000)
        assert.equal(content.node.deviceId, statSync(entry.path.toString(), { bigint: true }).dev)
        found.set(entry.path.toString(), { entry, text: into.toString('utf8', 0, content.read(into)) })
      }
    }
  }
  return found
}

test(
  'a btrfs is read as it was when the snapshot was taken, under its own paths',
  { skip: cannotBtrfs() },
  async () => {
    await using disk = await mountBtrfs()
    writeFileSync(`${disk.path}/a`, 'before')
    await runOk('btrfs', ['subvolume', 'create', `${disk.path}/sub`])
    writeFileSync(`${disk.path}/sub/inner`, 'live')

    {
      await using opened = await openVolumeSnapshot([disk.path], { kind: 'auto' })
      assert.equal(opened.consistency, 'as-read') // the subvolume is not in the snapshot of the one above it
      assert.match(opened.because ?? '', /sub/)
      writeFileSync(`${disk.path}/a`, 'after')
      rmSync(`${disk.path}/a`)
      writeFileSync(`${disk.path}/a`, 'new')
      writeFileSync(`${disk.path}/later`, '')
      const source = await createFileSource([disk.path], { volume: opened.readFrom })
      const found = await readAll(source)
      assert.equal(found.get(`${disk.path}/a`)?.text, 'before')
      assert.equal(found.get(`${disk.path}/sub/inner`)?.text, 'live')
      const below = [...found.keys()].filter((path) => path.startsWith(`${disk.path}/`)).sort()
      assert.deepEqual(
        below,
        ['a', 'sub', 'sub/inner'].map((name) => `${disk.path}/${name}`),
      )
      assert.deepEqual(source.paths, [disk.path])
      await source.finish?.()
    }
    assert.deepEqual((await runOk('btrfs', ['subvolume', 'list', disk.path])).trim().split('\n').length, 1)
  },
)

test(
  'a btrfs subvolume is whole; its snapshot removed meanwhile is noticed; leftovers go',
  { skip: cannotBtrfs() },
  async () => {
    await using disk = await mountBtrfs()
    await runOk('btrfs', ['subvolume', 'create', `${disk.path}/sub`])
    mkdirSync(`${disk.path}/sub/folder`)
    writeFileSync(`${disk.path}/sub/folder/file`, 'text')
    const leftover = `${disk.path}/sub/.understudy-snapshot-4194305-5-0123abcd`
    await runOk('btrfs', ['subvolume', 'snapshot', '-r', `${disk.path}/sub`, leftover])

    const target = `${disk.path}/sub/folder`
    const opened = await openVolumeSnapshot([target], { kind: 'btrfs' })
    assert.equal(opened.consistency, 'crash-consistent')
    assert.equal(existsSync(leftover), false)
    const source = await createFileSource([target], { volume: opened.readFrom })
    assert.equal((await readAll(source)).get(`${target}/file`)?.text, 'text')

    await runOk('btrfs', ['subvolume', 'delete', opened.readFrom?.map(`${disk.path}/sub`) as string])
    await assert.rejects(async () => source.finish?.(), { code: 'VOLUME_SNAPSHOT_LOST' })
    await assert.rejects(async () => opened[Symbol.asyncDispose](), { code: 'VOLUME_SNAPSHOT_NOT_DROPPED' })
  },
)

test('what lies on no such volume is said', async () => {
  const mounts = readMounts().filter(({ type }) => type === 'proc')
  await assert.rejects(openVolumeSnapshot(['/proc'], { kind: 'zfs', mounts, run: fakeLvm().run }), {
    code: 'NO_VOLUME_SNAPSHOT',
  })
})

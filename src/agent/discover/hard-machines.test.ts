import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import { systemClock } from '#base'
import { discoverySchema, findingSchema, unseenSchema, volumeSchema } from '#protocol'
import type { Discovery, Finding } from '#protocol'
import { fakeRoot } from '../../../test/helpers/fake-root.ts'
import { seeded } from '../../../test/helpers/seed.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { runNothing } from './commands.ts'
import { defaultLimits } from './limits.ts'
import { look } from './look.ts'
import { Machine } from './machine.ts'
import { linuxProbes } from './platform/linux.ts'

/** Machines that make a look hard: hostile, enormous, closed. Dead disks are in `looker.test.ts`. */

const onLinux = { skip: process.platform !== 'linux' && 'Linux only' }
const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root' }

function find({ findings }: Discovery, id: string): Finding {
  const found = findings.find((finding) => finding.id === id)
  assert.ok(found, `${id} is not among ${findings.map((finding) => finding.id).join(', ')}`)
  return found
}

test('links in circles, links out of a home, pipes and names that are no text hold nothing up', onLinux, async () => {
  await using root = await fakeRoot({
    'home/ann/Documents/around': ['.'],
    'home/ann/Documents/up': ['../..'],
    'home/ann/Documents/out': ['/etc'],
    'home/ann/Documents/self': ['self'],
    'home/ann/Documents/a': '1',
    'etc/samba/smb.conf': ['smb.conf'],
  })
  execFileSync('mkfifo', [root.join('etc/exports'), root.join('etc/hostname'), root.join('home/ann/Documents/pipe')])
  fs.writeFileSync(Buffer.from(`${root.path}/home/ann/Documents/\xff\xfe`, 'latin1'), '22')
  fs.mkdirSync(Buffer.from(`${root.path}/home/\xff`, 'latin1'))
  fs.writeFileSync(root.join('home/ann/Documents/\u001b[31m\n\u202e.sqlite'), '')
  const discovery = discoverySchema.parse(await look({ root: root.path, platform: 'linux' }))
  assert.deepEqual(find(discovery, 'documents:/home/ann/Documents').size, { bytes: 3, files: 3, isAtLeast: false })
  const unseen = discovery.unseen.map(({ what, why }) => `${what}: ${why}`)
  assert.ok(unseen.includes('/home: "\ufffd" in it has a name that is not UTF-8'), unseen.join('\n'))
  assert.ok(unseen.includes('/etc/samba/smb.conf: its links lead in a circle'), unseen.join('\n'))
})

test('an enormous folder is counted up to a limit, and then said to be at least so large', onLinux, async () => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`home/ann/Documents/${index}`, 'x']))
  await using root = await fakeRoot(files)
  const discovery = await look({ root: root.path, platform: 'linux', limits: { entries: 100 } })
  assert.deepEqual(find(discovery, 'documents:/home/ann/Documents').size, { bytes: 100, files: 100, isAtLeast: true })
  assert.ok(discovery.unseen.some(({ what }) => what === '/home/ann/Documents'))
})

test('an ordinary user is told what he may not see', { skip: needsRoot.skip || onLinux.skip }, async () => {
  await using root = await fakeRoot({
    'srv/secret/x': 'x',
    'srv/open/deep/y': 'y',
    'etc/libvirt/qemu/mail.xml': '<domain/>',
    'proc/77/comm': 'nginx\n',
    'root/.ssh/key': 'x',
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
  })
  fs.chmodSync(root.path, 0o755)
  for (const folder of ['srv/secret', 'root']) fs.chmodSync(root.join(folder), 0o700)
  fs.chmodSync(root.join('srv/open/deep'), 0o700)
  fs.chmodSync(root.join('etc/libvirt/qemu'), 0o700)
  const discovery = await asNobody(() => look({ root: root.path, platform: 'linux' }))
  assert.equal(discovery.asAdministrator, false)
  const unseen = new Map(discovery.unseen.map(({ what, why }) => [what, why]))
  assert.equal(unseen.get('/srv/open'), 'a folder in it could not be looked at: this user may not read it')
  assert.equal(unseen.get('/srv/secret'), 'a folder in it could not be looked at: this user may not read it')
  assert.equal(unseen.get('/etc/libvirt/qemu'), 'this user may not read it')
  assert.equal(unseen.get('/proc'), 'programs of other users are hidden from this one')
  assert.ok(
    !discovery.unseen.some(({ what }) => what.startsWith('/root/')),
    'the home is told, not each name that it may have',
  )
  assert.equal(find(discovery, 'folder:/srv/secret').size?.isAtLeast, true)
})

/** Children of this process start as the user that it is at that moment. */
async function asNobody<Result>(work: () => Promise<Result>): Promise<Result> {
  const nobody = 65_534
  process.setegid?.(nobody)
  process.seteuid?.(nobody)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

test('this machine is looked at, and its volumes are as large as the system says', onLinux, async () => {
  const discovery = discoverySchema.parse(await look({ limits: { entries: 2_000 } }))
  const root = discovery.volumes.find(({ path }) => path === '/')
  const { blocks, bsize } = fs.statfsSync('/')
  assert.equal(root?.bytes, blocks * bsize)
  assert.ok((root.usedBytes ?? 0) > 0)
})

test('a look that is cancelled ends with the reason', async () => {
  await using root = await tempFolder()
  const reason = new Error('enough')
  await assert.rejects(look({ root: root.path, signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const looking = look({ root: root.path, signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(looking, reason)
})

test('a home that is a link elsewhere is looked at where it lies', onLinux, async () => {
  await using root = await fakeRoot({ 'data/homes/ann/Documents/x': 'x', home: undefined })
  fs.symlinkSync(root.join('data/homes/ann'), root.join('home/ann'))
  find(await look({ root: root.path, platform: 'linux' }), 'documents:/data/homes/ann/Documents')
})

/** Files that are read as text, and where the result goes by what stands in them. */
const read = [
  'etc/passwd',
  'etc/samba/smb.conf',
  'etc/exports',
  'etc/crontab',
  'etc/nginx/nginx.conf',
  'etc/dovecot/dovecot.conf',
  'etc/asterisk/asterisk.conf',
  'etc/postgresql/15/main/postgresql.conf',
  'etc/systemd/system/x.service',
  'etc/libvirt/qemu/x.xml',
  'etc/pve/qemu-server/1.conf',
  'proc/self/mountinfo',
  'proc/net/tcp',
  'proc/1/comm',
  'proc/1/cmdline',
  'var/lib/docker/containers/a/config.v2.json',
]

const words = [
  '/',
  '/srv',
  'path = /',
  '[x]\n',
  '\0',
  '\n',
  '=',
  '"',
  '%U',
  '\\040',
  '{"Name":"/x","Config":',
  '{}',
  '}',
  '../',
  'root:x:0:0::/srv:',
  '* * * * * root ',
  'data_directory = ',
  ' - ext4 /dev/x rw',
  "<source file='",
  '\u202e',
]

const pieces = fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 20 }))

test('whatever stands in the files that are read, a look ends and keeps to the protocol', onLinux, async () => {
  await using root = await fakeRoot({ 'srv/x': 'x' })
  for (const file of read) fs.mkdirSync(root.join(file, '..'), { recursive: true })
  const contents = fc.array(fc.array(pieces, { maxLength: 12 }), { minLength: read.length, maxLength: read.length })
  const property = fc.asyncProperty(contents, async (texts) => {
    read.forEach((file, index) => fs.writeFileSync(root.join(file), (texts[index] as string[]).join('')))
    const machine = new Machine({
      root: root.path,
      platform: 'linux',
      limits: defaultLimits,
      sink: {
        finding: (finding) => findingSchema.parse(finding),
        volume: (volume) => volumeSchema.parse(volume),
        unseen: (unseen) => unseenSchema.parse(unseen),
      },
      clock: systemClock,
      run: runNothing,
      silent: [],
    })
    machine.startProbe()
    for (const probe of linuxProbes) await probe.look(machine)
  })
  await fc.assert(property, { ...seeded(), numRuns: 60 })
})

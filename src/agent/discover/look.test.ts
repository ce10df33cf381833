import assert from 'node:assert/strict'
import test from 'node:test'
import { discoverySchema } from '#protocol'
import type { Discovery, Finding } from '#protocol'
import { fakeRoot } from '../../../test/helpers/fake-root.ts'
import type { FakeFiles } from '../../../test/helpers/fake-root.ts'
import { look } from './look.ts'

const onLinux = { skip: process.platform !== 'linux' && 'Linux only' }

/** What a look at a machine of these files finds; every result is checked against the protocol. */
async function lookAt(files: FakeFiles, platform: 'linux' | 'macos' | 'windows' = 'linux'): Promise<Discovery> {
  await using root = await fakeRoot(files)
  return discoverySchema.parse(JSON.parse(JSON.stringify(await look({ root: root.path, platform }))))
}

function find({ findings }: Discovery, id: string): Finding {
  const found = findings.find((finding) => finding.id === id)
  assert.ok(found, `${id} is not among ${findings.map((finding) => finding.id).join(', ')}`)
  return found
}

function pathsOf({ places }: Finding): string[] {
  return places.map(({ path }) => path)
}

test('an empty machine has nothing, and that is no error', onLinux, async () => {
  const { findings, volumes, unseen } = await lookAt({ etc: undefined })
  assert.deepEqual([findings, volumes, unseen], [[], [], []])
})

test('a root that is no folder is refused', async () => {
  await assert.rejects(look({ root: '/no/such/folder' }), { code: 'LOOK_ROOT_INVALID' })
})

test('shares of Samba and NFS are found with their folders; printers and unset ones are not', onLinux, async () => {
  const discovery = await lookAt({
    'etc/samba/smb.conf': `[global]
      workgroup = OFFICE
      include = /etc/samba/more.conf
      [Letters]
      path = /srv/letters
      ; path = /old
      [homes]
      browseable = no
      [printers]
      path = /var/spool/samba
      printable = yes
      [profiles]
      path = /srv/profiles/%U
      [print$]
      path = /var/lib/samba/printers`,
    'var/lib/samba/usershares/ann': 'path=/home/ann/shared\n',
    'etc/exports':
      '# a comment\n/srv/nfs 10.0.0.0/8(rw) \\\n  192.168.0.0/16(ro)\n"/srv/with space" *(ro)\n/srv/with\\040octal *\n',
    'etc/exports.d/more.exports': '/srv/gone *(rw)\n',
    'etc/exports.d/not-read.txt': '/srv/not-read *(rw)\n',
    'srv/letters/one.txt': 'hello',
    'srv/profiles/ann/x': '',
    'srv/nfs/y': '12',
    'srv/with space/z': '',
    'srv/with octal/z': '',
    'home/ann/shared/w': '',
  })
  const shares = discovery.findings.filter(({ kind }) => kind === 'share')
  assert.deepEqual(
    shares.map(({ id, places }) => [id, places[0]?.path]),
    [
      ['share:Samba:Letters', '/srv/letters'],
      ['share:Samba:profiles', '/srv/profiles'],
      ['share:Samba:ann', '/home/ann/shared'],
      ['share:NFS:/srv/nfs', '/srv/nfs'],
      ['share:NFS:/srv/with space', '/srv/with space'],
      ['share:NFS:/srv/with octal', '/srv/with octal'],
      ['share:NFS:/srv/gone', undefined],
    ],
  )
  assert.deepEqual(find(discovery, 'share:Samba:Letters').size, { bytes: 5, files: 1, isAtLeast: false })
  assert.match(find(discovery, 'share:NFS:/srv/gone').title, /not there/)
  assert.deepEqual(
    discovery.unseen.filter(({ what }) => what === '/etc/samba/smb.conf').map(({ why }) => why),
    ['it includes other settings, and testparm, which knows them, is not here'],
  )
})

test(
  'database servers are found by settings, units and programs, with the folder their settings name',
  onLinux,
  async () => {
    const discovery = await lookAt({
      'etc/postgresql/15/main/postgresql.conf': "#data_directory = '/wrong'\ndata_directory = '/data/pg main' # here\n",
      'etc/systemd/system/multi-user.target.wants/postgresql.service': '',
      'data/pg main/PG_VERSION': '15\n',
      'data/pg main/global/pg_control': 'x'.repeat(100),
      'data/pg main/postmaster.pid': '812\n',
      'proc/1/comm': 'systemd\n',
      'proc/812/comm': 'postgres\n',
      'proc/812/cmdline': '/usr/lib/postgresql/15/bin/postgres\0-D\0/data/pg main\0',
      'proc/812/fd/4': ['/data/pg main/global/pg_control'],
      'proc/net/tcp': '  sl  local_address\n   0: 0100007F:1538 00000000:0000 0A 00000000:00000000\n',
      'etc/mysql/mariadb.conf.d/50-server.cnf': '[mysqld]\n#datadir = /wrong\ndatadir = /var/lib/mysql\n',
      'var/lib/mysql/ibdata1': 'x',
      'etc/my.cnf.d/server.cnf': 'datadir=/nowhere\n',
    })
    const postgres = find(discovery, 'database:postgresql:/data/pg main')
    assert.deepEqual(
      [postgres.engine, postgres.inUse, postgres.backUpBy, postgres.confidence],
      ['postgresql', 'yes', 'dump', 'certain'],
    )
    const evidence = postgres.evidence.map(({ what }) => what)
    assert.ok(evidence.includes('postgres runs (process 812)'))
    assert.ok(evidence.includes('postgresql.service starts at boot'))
    assert.ok(evidence.includes('something listens on port 5432'))
    assert.ok(evidence.includes('open in postgres (process 812)'))
    assert.ok(evidence.includes('"postmaster.pid" is there while it runs'), 'and by its files')
    const mariadb = find(discovery, 'database:mariadb:/var/lib/mysql')
    assert.equal(mariadb.inUse, 'no', 'no program has it open, and all could be asked')
    assert.equal(discovery.findings.filter(({ kind }) => kind === 'database').length, 2)
  },
)

test('an engine without an adapter is to be backed up by a hook; its files are told from others', onLinux, async () => {
  const discovery = await lookAt({
    'srv/erp/erp.mdf': Buffer.concat([Buffer.from([1, 15, 0, 0]), Buffer.alloc(100)]),
    'srv/erp/erp_log.ldf': 'x',
    'srv/shop/stock.accdb': Buffer.concat([
      Buffer.from([0, 1, 0, 0]),
      Buffer.from('Standard ACE DB\0'),
      Buffer.alloc(50),
    ]),
    'srv/shop/stock.laccdb': 'ANN-PC',
    'srv/shop/notes.db': 'just text, no database',
    'opt/till/sales.db': Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(100)]),
    'opt/till/sales.db-wal': 'x',
    'var/lib/PackageKit/transactions.db': Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(100)]),
  })
  const databases = discovery.findings.filter(({ kind }) => kind === 'database')
  assert.deepEqual(
    databases.map(({ id, backUpBy, inUse }) => [id, backUpBy, inUse]),
    [
      ['database:sql-server:/srv/erp/erp.mdf', 'hook', 'unknown'],
      ['database:access:/srv/shop/stock.accdb', 'hook', 'yes'],
      ['database:sqlite:/opt/till/sales.db', 'dump', 'yes'],
    ],
  )
})

test('web, mail and telephone servers are found with their settings and data', onLinux, async () => {
  const discovery = await lookAt({
    'etc/nginx/nginx.conf': 'http { include sites-enabled/*; }',
    'etc/nginx/sites-available/shop': 'server {\n  root /srv/shop;\n # root /old;\n}',
    'etc/nginx/sites-enabled/shop': ['../sites-available/shop'],
    'srv/shop/index.html': '<html>',
    'etc/apache2/apache2.conf': '',
    'etc/apache2/sites-enabled/a.conf': '<VirtualHost *:80>\n DocumentRoot "/var/www/a"\n</VirtualHost>',
    'var/www/a/index.html': '',
    'etc/dovecot/dovecot.conf': '',
    'etc/dovecot/conf.d/10-mail.conf': 'mail_location = maildir:/var/vmail/%d/%n\n',
    'var/vmail/example.org/ann/cur/1': 'mail',
    'etc/asterisk/asterisk.conf': '[directories]\nastspooldir => /data/voicemail\n',
    'data/voicemail/x': '',
    'var/lib/asterisk/astdb.sqlite3': '',
    'etc/freeswitch/freeswitch.xml': '',
    'etc/kamailio/kamailio.cfg': '',
    'var/lib/3cxpbx/Instance1/Data/Recordings/1.wav': '',
    'etc/systemd/system/multi-user.target.wants/asterisk.service': '',
  })
  assert.deepEqual(pathsOf(find(discovery, 'web-server:nginx')), ['/etc/nginx', '/var/www', '/srv/shop'])
  assert.ok(pathsOf(find(discovery, 'web-server:apache')).includes('/var/www'))
  assert.ok(pathsOf(find(discovery, 'mail-server:dovecot')).includes('/var/vmail'))
  const asterisk = find(discovery, 'telephone-system:asterisk')
  assert.deepEqual(pathsOf(asterisk), ['/etc/asterisk', '/var/lib/asterisk', '/data/voicemail'])
  assert.equal(asterisk.confidence, 'certain')
  assert.equal(find(discovery, 'telephone-system:freeswitch').confidence, 'likely')
  find(discovery, 'telephone-system:kamailio')
  assert.equal(find(discovery, 'telephone-system:3cx').backUpBy, 'hook')
})

test(
  'containers are found with their volumes; of the passwords in their settings nothing is told',
  onLinux,
  async () => {
    const config = (name: string, image: string, sources: string[], labels = {}) =>
      JSON.stringify({
        Name: `/${name}`,
        Config: { Image: image, Labels: labels, Env: ['PASSWORD=canary-secret'] },
        MountPoints: Object.fromEntries(sources.map((Source, index) => [`/m${index}`, { Source }])),
      })
    const discovery = await lookAt({
      'var/lib/docker/containers/aa/config.v2.json': config(
        'cloud',
        'nextcloud:30',
        ['/srv/cloud', '/var/run/docker.sock'],
        {
          'com.docker.compose.project.config_files': '/srv/cloud/compose.yaml',
        },
      ),
      'var/lib/docker/containers/bb/config.v2.json': config('db', 'library/postgres:16', [
        '/var/lib/docker/volumes/pg/_data',
      ]),
      'var/lib/docker/containers/cc/config.v2.json': config('job', 'alpine', []),
      'var/lib/docker/containers/dd/config.v2.json': '{"Name": 5, "Config": [], "MountPoints": "no"',
      'var/lib/docker/containers/ee/config.v2.json': '[]',
      'var/lib/docker/volumes/pg/_data/PG_VERSION': '16',
      'srv/cloud/compose.yaml': '',
      'var/lib/lxc/files/config': '',
      'home/ann/.local/share/containers/storage/volumes/wiki/_data/x': '1',
    })
    assert.deepEqual(pathsOf(find(discovery, 'container:Docker:cloud')), ['/srv/cloud', '/srv/cloud/compose.yaml'])
    assert.equal(find(discovery, 'container:Docker:db').backUpBy, 'hook')
    assert.equal(find(discovery, 'container:Docker:job').backUpBy, 'nothing')
    assert.equal(find(discovery, 'container:/var/lib/lxc/files').backUpBy, 'whole-machine')
    find(discovery, 'container:Podman:/home/ann/.local/share/containers/storage/volumes')
    assert.ok(!JSON.stringify(discovery).includes('canary'))
  },
)

test('virtual machines are found with their disks', onLinux, async () => {
  const discovery = await lookAt({
    'etc/libvirt/qemu/mail.xml':
      '<domain><name>mail &amp; more</name><disk><source file=\'/vm/mail.qcow2\'/></disk><disk><source dev="/dev/vg/mail"/></disk></domain>',
    'vm/mail.qcow2': 'x',
    'etc/pve/qemu-server/100.conf':
      'name: erp\nscsi0: local-lvm:vm-100-disk-0,size=32G\nide2: none,media=cdrom\n[before]\nscsi9: old:disk\n',
    'etc/pve/lxc/101.conf': 'hostname: files\nrootfs: local-zfs:subvol-101,size=8G\n',
    'home/ann/VirtualBox VMs/Old PC/Old PC.vbox': '<HardDisks><HardDisk uuid="{1}" location="Old PC.vdi"/></HardDisks>',
    'home/ann/VirtualBox VMs/Old PC/Old PC.vdi': 'x',
  })
  assert.deepEqual(pathsOf(find(discovery, 'virtual-machine:libvirt:mail & more')), [
    '/etc/libvirt/qemu/mail.xml',
    '/vm/mail.qcow2',
  ])
  const erp = find(discovery, 'virtual-machine:Proxmox:100 (erp)')
  assert.deepEqual(
    erp.evidence.map(({ what }) => what),
    ['/etc/pve/qemu-server/100.conf', 'it has a disk local-lvm:vm-100-disk-0'],
  )
  find(discovery, 'virtual-machine:Proxmox:101 (files)')
  assert.ok(
    pathsOf(find(discovery, 'virtual-machine:VirtualBox:Old PC')).includes(
      '/home/ann/VirtualBox VMs/Old PC/Old PC.vdi',
    ),
  )
})

test('what starts by itself is found; of commands only the program is told', onLinux, async () => {
  const discovery = await lookAt({
    'etc/systemd/system/multi-user.target.wants/nginx.service': ['/lib/systemd/system/nginx.service'],
    'etc/systemd/system/timers.target.wants/sync.timer': ['/etc/systemd/system/sync.timer'],
    'etc/systemd/system/sync.service': '[Service]\nExecStart=-/usr/local/bin/sync --password canary-secret\n',
    'etc/crontab': 'SHELL=/bin/sh\n# 1 2 3 4 5 root no\n17 * * * * root /opt/report.sh --key canary-secret\n',
    'var/spool/cron/crontabs/ann': '@daily $HOME/bin/copy\n0 5 * * 1 tar czf /b.tgz /home\n',
  })
  assert.match(find(discovery, 'starts-at-boot:enabled').title, /^2 units start at boot, 1 of them/)
  assert.deepEqual(pathsOf(find(discovery, 'starts-at-boot:sync.service')), [
    '/etc/systemd/system/sync.service',
    '/usr/local/bin/sync',
  ])
  assert.deepEqual(
    find(discovery, 'starts-at-boot:/var/spool/cron/crontabs/ann').evidence.map(({ what }) => what),
    ['it runs $HOME/bin/copy', 'it runs tar'],
  )
  assert.deepEqual(
    find(discovery, 'starts-at-boot:/etc/crontab').evidence.map(({ what }) => what),
    ['it runs /opt/report.sh'],
  )
  assert.ok(!JSON.stringify(discovery).includes('canary'))
})

test('on a PC documents and mail archives are data, and mail caches are not', onLinux, async () => {
  const profile = 'home/ann/.thunderbird/x.default'
  const discovery = await lookAt({
    'etc/passwd':
      'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/data/bob:/bin/sh\nwww:x:33:33::/var/www:\n',
    'sys/class/power_supply/BAT0/type': 'Battery',
    'home/ann/Documents/letter.odt': 'x'.repeat(1000),
    'home/ann/Desktop/old mail.pst': 'x'.repeat(500),
    'home/ann/Desktop/mail.ost': 'x'.repeat(900),
    'home/ann/Pictures/cat.jpg': 'x',
    'home/ann/Empty': undefined,
    'home/ann/loose.txt': 'x',
    'home/ann/.ssh/id_ed25519': 'x',
    'home/ann/.config/app/state.sqlite': `SQLite format 3\0${'x'.repeat(100)}`,
    [`${profile}/Mail/Local Folders/Inbox`]: 'From ann',
    'home/ann/.thunderbird/new.default/Mail/Local Folders/Trash': '',
    'home/ann/.thunderbird/new.default/Mail/Local Folders/Trash.msf': 'index',
    [`${profile}/ImapMail/mail.example.org/INBOX`]: 'From bob',
    'home/ann/.cache/mozilla/x': 'x',
    'data/bob/Documents/y': 'y',
  })
  assert.equal(discovery.machine.role, 'laptop')
  assert.equal(find(discovery, 'documents:/home/ann/Documents').size?.bytes, 1000)
  find(discovery, 'documents:/home/ann/Pictures')
  find(discovery, 'documents:/data/bob/Documents')
  assert.deepEqual(pathsOf(find(discovery, 'documents:/home/ann/.')), ['/home/ann/loose.txt'])
  assert.ok(!discovery.findings.some(({ id }) => id.includes('Empty')))
  const mail = discovery.findings.filter(({ kind }) => kind === 'mail-archive').flatMap(pathsOf)
  assert.deepEqual(mail, ['/home/ann/Desktop/old mail.pst', `/${profile}/Mail`])
  const caches = find(discovery, 'cache:/home/ann')
  assert.equal(caches.backUpBy, 'nothing')
  assert.deepEqual(pathsOf(caches), [`/${profile}/ImapMail`, '/home/ann/.cache', '/home/ann/Desktop/mail.ost'])
  assert.match(find(discovery, 'settings:program-databases:/home/ann').title, /ann: 1 \(SQLite\)/)
})

test('macOS and Windows are looked at as far as plain Node goes, and say what they do not look for', async () => {
  const mac = await lookAt({ 'Users/ann/Documents/a': '1', 'Users/ann/Library/x': '', 'Users/Shared/y': '' }, 'macos')
  find(mac, 'documents:/Users/ann/Documents')
  assert.ok(!mac.findings.some(({ id }) => id.includes('Library')))
  assert.equal(mac.machine.role, 'pc')
  const windows = await lookAt(
    {
      'C:/Users/ann/Documents/a': '1',
      'C:/Users/ann/AppData/Local/Microsoft/Outlook/ann.ost': '2',
      'C:/Users/ann/AppData/Local/Microsoft/Outlook/2009.pst': '2',
      'C:/Users/ann/AppData/Roaming/Thunderbird/Profiles/p/Mail/Local Folders/Inbox': '3',
      'C:/Windows/win.ini': '',
      'C:/Daten/b': '4',
      'D:/Archiv/c': '5',
      'C:/Program Files/Microsoft SQL Server/DATA/erp.mdf': Buffer.concat([
        Buffer.from([1, 15, 0, 0]),
        Buffer.alloc(60),
      ]),
    },
    'windows',
  )
  find(windows, 'documents:C:/Users/ann/Documents')
  find(windows, 'folder:C:/Daten')
  find(windows, 'folder:D:/Archiv')
  find(windows, 'database:sql-server:C:/Program Files/Microsoft SQL Server/DATA/erp.mdf')
  assert.ok(windows.findings.some(({ kind, places }) => kind === 'mail-archive' && places[0]?.path.endsWith('/p/Mail')))
  const outlook = 'C:/Users/ann/AppData/Local/Microsoft/Outlook'
  find(windows, `mail-archive:${outlook}/2009.pst`)
  assert.deepEqual(pathsOf(find(windows, 'cache:C:/Users/ann')), [`${outlook}/ann.ost`])
  assert.ok(windows.volumes.some(({ path }) => path === 'C:/'))
  for (const { unseen } of [mac, windows]) assert.ok(unseen.some(({ why }) => why.includes('not looked for')))
})

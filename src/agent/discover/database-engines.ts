import { engineName, hasOwnDump } from '#protocol'
import type { DatabaseEngine, Finding } from '#protocol'
import type { Machine } from './machine.ts'
import { argumentOf } from './processes.ts'
import { absolutePaths, settingsFiles, settingsIn } from './services.ts'
import type { Service } from './services.ts'

type EngineSigns = Pick<Service, 'processes' | 'units' | 'ports' | 'settings' | 'data'> &
  Partial<Pick<Service, 'findData'>> & { readonly engine: DatabaseEngine }

const engines: readonly EngineSigns[] = [
  {
    engine: 'postgresql',
    processes: ['postgres', 'postmaster'],
    units: ['postgresql', 'postgresql@'],
    ports: [5432, 5433],
    settings: ['/etc/postgresql'],
    data: ['/var/lib/pgsql/data'],
    findData: (machine) => [
      ...absolutePaths(settingsIn(machine, postgresSettings(machine), /^\s*data_directory\s*=?\s*('[^']*'|\S+)/)),
      ...twoBelow(machine, '/var/lib/postgresql'),
      ...machine.files.names('/var/lib/pgsql').map((version) => `/var/lib/pgsql/${version}/data`),
      ...fromProcesses(machine, ['postgres', 'postmaster'], '-D'),
    ],
  },
  {
    engine: 'mariadb',
    processes: ['mariadbd', 'mysqld'],
    units: ['mariadb', 'mysql', 'mysqld', 'mariadb@'],
    ports: [3306],
    settings: [
      '/etc/mysql/mariadb.conf.d/50-server.cnf',
      '/etc/mysql/mysql.conf.d/mysqld.cnf',
      '/etc/my.cnf.d/server.cnf',
    ],
    data: ['/var/lib/mysql'],
    findData: (machine) => [
      ...absolutePaths(settingsIn(machine, mysqlSettings(machine), /^\s*datadir\s*=\s*(.+)$/)),
      ...fromProcesses(machine, ['mariadbd', 'mysqld'], '--datadir'),
    ],
  },
  {
    engine: 'mongodb',
    processes: ['mongod'],
    units: ['mongod', 'mongodb'],
    ports: [27017],
    settings: ['/etc/mongod.conf', '/etc/mongodb.conf'],
    data: ['/var/lib/mongodb', '/var/lib/mongo'],
    findData: (machine) => [
      ...absolutePaths(settingsIn(machine, ['/etc/mongod.conf', '/etc/mongodb.conf'], /^\s*dbPath\s*[:=]\s*(.+)$/i)),
      ...fromProcesses(machine, ['mongod'], '--dbpath'),
    ],
  },
  {
    engine: 'redis',
    processes: ['redis-server', 'valkey-server'],
    units: ['redis-server', 'redis', 'valkey', 'valkey-server'],
    ports: [6379],
    settings: ['/etc/redis/redis.conf', '/etc/valkey/valkey.conf'],
    data: ['/var/lib/redis', '/var/lib/valkey'],
    findData: (machine) =>
      absolutePaths(settingsIn(machine, ['/etc/redis/redis.conf', '/etc/valkey/valkey.conf'], /^\s*dir\s+(.+)$/)),
  },
  {
    engine: 'influxdb',
    processes: ['influxd', 'influxdb3'],
    units: ['influxdb', 'influxd'],
    ports: [8086],
    settings: ['/etc/influxdb/influxdb.conf', '/etc/influxdb/config.toml'],
    data: ['/var/lib/influxdb', '/var/lib/influxdb2'],
  },
  {
    engine: 'ldap',
    processes: ['slapd', 'ns-slapd'],
    units: ['slapd', 'dirsrv@'],
    ports: [389, 636],
    settings: ['/etc/ldap/slapd.d', '/etc/openldap/slapd.d', '/etc/dirsrv'],
    data: ['/var/lib/ldap', '/var/lib/dirsrv'],
  },
  {
    engine: 'active-directory',
    processes: ['samba'],
    units: ['samba-ad-dc'],
    ports: [88, 389],
    settings: ['/var/lib/samba/private/sam.ldb'],
    data: ['/var/lib/samba/private'],
  },
  {
    engine: 'sql-server',
    processes: ['sqlservr'],
    units: ['mssql-server'],
    ports: [1433],
    settings: ['/var/opt/mssql/mssql.conf'],
    data: ['/var/opt/mssql/data'],
    findData: (machine) =>
      absolutePaths(settingsIn(machine, ['/var/opt/mssql/mssql.conf'], /^\s*default(?:data|log)dir\s*=\s*(.+)$/)),
  },
  {
    engine: 'oracle',
    processes: ['tnslsnr', 'ora_pmon_XE', 'ora_pmon_ORCL', 'ora_pmon_ORCLCDB', 'db_pmon_FREE'],
    units: ['oracle-xe-21c', 'oracle-xe', 'oracle-free-23ai'],
    ports: [1521],
    settings: ['/etc/oratab'],
    data: ['/u01/app/oracle/oradata', '/opt/oracle/oradata'],
  },
  {
    engine: 'firebird',
    processes: ['firebird', 'fbserver', 'fb_smp_server', 'fbguard'],
    units: ['firebird', 'firebird3.0', 'firebird4.0', 'firebird-superserver'],
    ports: [3050],
    settings: ['/etc/firebird', '/opt/firebird/firebird.conf'],
    data: ['/var/lib/firebird', '/opt/firebird/data'],
  },
]

const hookAdvice: Partial<Record<DatabaseEngine, string>> = {
  'sql-server': 'A hook runs BACKUP DATABASE, and the file it writes is backed up',
  oracle: 'A hook runs RMAN or expdp, and the files it writes are backed up',
  firebird: 'A hook runs gbak, and the file it writes is backed up',
  access: 'A hook copies the file while nobody has it open, and that copy is backed up',
  filemaker: 'FileMaker Server makes the backup by its own schedule, and its folder is backed up',
  mongodb: 'A hook runs mongodump, and the files it writes are backed up',
  redis: 'A hook runs BGSAVE and copies dump.rdb when it is done, and that copy is backed up',
  influxdb: 'A hook runs influx backup, and the files it writes are backed up',
  ldap: 'A hook runs slapcat or db2ldif, and the file it writes is backed up',
  lmdb: 'A hook runs mdb_copy, and the file it writes is backed up',
  'active-directory': 'A hook runs samba-tool domain backup or a system state backup, and what it writes is backed up',
  exchange: 'A hook has the server make a backup by VSS, and what it writes is backed up',
}

/** How a database of the engine is to be backed up. */
export function databaseAdvice(engine: DatabaseEngine): Pick<Finding, 'backUpBy' | 'advice'> {
  const why = 'copies of its files while it works are not a backup'
  if (hasOwnDump(engine)) return { backUpBy: 'dump', advice: `The agent makes a dump of it: ${why}.` }
  const how = hookAdvice[engine] ?? 'A hook of the program that owns it writes a dump, and that is backed up'
  return { backUpBy: 'hook', advice: `${how}: ${why}.` }
}

/** The name that a hook for the engine's dumps is proposed to have. */
export function hookName(engine: DatabaseEngine): string {
  return `dump-${engine}`
}

/** Each engine that serves, as a service. */
export const databaseServices: readonly (Service & { readonly engine: DatabaseEngine })[] = engines.map((signs) => ({
  ...signs,
  ...databaseAdvice(signs.engine),
  name: signs.engine,
  kind: 'database',
  title: engineName(signs.engine),
}))

/** `/etc/postgresql/15/main/postgresql.conf` */
function postgresSettings(machine: Machine): string[] {
  return twoBelow(machine, '/etc/postgresql').map((folder) => `${folder}/postgresql.conf`)
}

function mysqlSettings(machine: Machine): string[] {
  const debian = ['/etc/mysql/my.cnf', '/etc/mysql/conf.d', '/etc/mysql/mariadb.conf.d', '/etc/mysql/mysql.conf.d']
  return settingsFiles(machine, ...debian, '/etc/my.cnf', '/etc/my.cnf.d').filter((file) => file.endsWith('.cnf'))
}

function twoBelow({ files }: Machine, folder: string): string[] {
  const versions = files.names(folder).filter((name) => /^\d/.test(name))
  return versions.flatMap((version) =>
    files.names(`${folder}/${version}`).map((name) => `${folder}/${version}/${name}`),
  )
}

function fromProcesses({ processes }: Machine, names: readonly string[], argument: string): string[] {
  const running = processes.filter(({ name }) => names.includes(name))
  return absolutePaths(running.flatMap((process) => argumentOf(process, argument) ?? []))
}

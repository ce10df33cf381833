import { errorClass } from '#base'

/** Why a database was not dumped or loaded, or is not as it should be. */
export const databaseErrors = {
  DATABASE_TOOL_MISSING: {
    message: 'The program {program}, which {engine} databases are dumped and loaded with, is not on this machine.',
    hint: 'Install it: Debian has it in the package {package}.',
  },
  DATABASE_CLIENT_OLD: {
    message:
      '{program} is of version {client}, and the server of {server}: an older client may leave out what it does not know.',
    hint: "Install the client programs of the server's version, or give their folder with `programs`.",
  },
  DATABASE_CLIENT_FOREIGN: {
    message: '{program} is of {client}, and the server is {server}: their dumps differ.',
    hint: 'Install the client programs that belong to the server, or give their folder with `programs`.',
  },
  DATABASE_SERVER_OLD: {
    message: 'The {engine} server is of version {server}; the oldest that is dumped is {oldest}.',
    hint: 'Update the server, or write the dump by a hook.',
  },
  DATABASE_SERVER_UNREACHABLE: {
    message: 'The {engine} server {name} cannot be reached: {reason}.',
    hint: 'See whether it runs, and whether host, port or socket are right.',
  },
  DATABASE_SERVER_LOST: {
    message: 'The server went away while {database} was dumped: {reason}.',
    hint: "See the server's log for why it ended, then run the backup again.",
  },
  DATABASE_LOGIN_REFUSED: {
    message: 'The {engine} server {name} does not let us in: {reason}.',
    hint: 'Check user and password file; over the local socket the agent needs to run as root or as the user of the server.',
  },
  DATABASE_RIGHT_MISSING: {
    message: 'The account lacks a right, so {database} would not be complete: {reason}.',
    hint: 'PostgreSQL: give it pg_read_all_data or use the superuser. MariaDB and MySQL: grant it, not through a role, SELECT, SHOW VIEW, TRIGGER, EVENT.',
  },
  DATABASE_DISK_FULL: {
    message: 'A disk was full while {database} was dumped: {reason}.',
    hint: 'Make room, on the disk of the server and of its temporary files, then run the backup again.',
  },
  DATABASE_SPACE_SHORT: {
    message: '{what} needs {needed} in {folder}, and only {free} are free there.',
    hint: 'Make room there, or name another folder with `workFolder`.',
  },
  DATABASE_MISSING: {
    message: 'There is no database {database} on {name}.',
    hint: 'Check the policy: was the database renamed or removed?',
  },
  DATABASE_CLOSED: {
    message: 'The database {database} lets nobody connect, so it cannot be dumped.',
    hint: 'Allow connections to it (ALTER DATABASE … ALLOW_CONNECTIONS true), or name the databases that are to be dumped.',
  },
  DATABASE_CHANGED: {
    message: 'The structure of {database} was changed while it was dumped: {reason}.',
    hint: 'Run the backup again, at a time when nobody alters tables.',
  },
  DATABASE_LOCKED: {
    message: 'Somebody else holds a lock on {database} that was not given up in time: {reason}.',
    hint: 'Find out who (a long ALTER TABLE or VACUUM FULL, a program that never ends its transaction), then run the backup again.',
  },
  DATABASE_TOOL_KILLED: {
    message: '{program} was ended by {signal} while it dumped {database}.',
    hint: 'See who ended it (the kernel does when memory runs out: `journalctl -k`), then run the backup again.',
  },
  DATABASE_TOOL_FAILED: {
    message: '{program} ended with code {code}: {reason}.',
    hint: 'Run it by hand as the same user to see more.',
  },
  DATABASE_DUMP_CUT: {
    message: 'The dump of {database} does not end as a whole dump does: it was cut off after {bytes} bytes.',
    hint: 'Run the backup again; if it is cut again, look at the program that makes it.',
  },
  DATABASE_DUMP_EMPTY: {
    message: 'The dump of {database} is empty.',
    hint: 'See whether the program that makes it is the right one.',
  },
  DATABASE_DUMP_STALE: {
    message: 'The hook {database} ended well, but the dump "{path}" was last written at {time}, before the hook began.',
    hint: 'See why the hook did not write it anew.',
  },
  DATABASE_NOT_READ: {
    message: 'The dump at {path} was not read to its end.',
    hint: 'See what else the backup says, then run it again.',
  },
  DATABASE_TOOL_WARNED: {
    message: '{program} gave a warning about {database}: {reason}.',
    hint: 'The dump is whole as far as its program knows. See whether what it says matters.',
  },
  DATABASE_SHRANK: {
    message: 'The dump of {database} has {bytes}, and the last good one had {before}.',
    hint: 'See whether that much was meant to be deleted. Older recovery points still have it.',
  },
  DATABASE_GONE: {
    message: '{path} was in the last backup, and there is no such database any more.',
    hint: 'If it was removed on purpose, this is said only once. Older recovery points still have it.',
  },
  DATABASE_INCONSISTENT: {
    message: '{database} has tables whose engine knows no transactions, so they are not of one moment: {tables}.',
    hint: 'Turn them into InnoDB tables, or have them locked while they are dumped (`lockTables`).',
  },
  DATABASE_PASSWORDS_LEFT_OUT: {
    message: 'The account may not read the passwords of the roles of {name}, so they are not in the backup.',
    hint: 'Use the superuser; otherwise passwords are to be set anew after a restore.',
  },
  DATABASE_SECRET_UNREADABLE: {
    message: 'The password file "{file}" cannot be used: {reason}.',
    hint: 'It is to be a regular file of one line, readable only for the user that the agent runs as (chmod 600).',
  },
  DATABASE_PLAN_INVALID: {
    message: 'The databases to dump are not described as they should be: {reason}.',
    hint: 'Correct the backup policy.',
  },
  DATABASE_NONE_DUMPED: {
    message: 'Not one database was dumped, so there is no recovery point: {reason}.',
    hint: 'See what is said of each of them.',
  },
  DATABASE_NOT_SQLITE: {
    message: '"{path}" is no SQLite database that can be read: {reason}.',
    hint: 'It may be encrypted or damaged; the application that it belongs to knows.',
  },
  DATABASE_DAMAGED: {
    message: '{database} is damaged: {reason}.',
    hint: 'Go back to an older recovery point of it. The damage is in the database itself, not in the backup.',
  },
  DATABASE_SUMMARY_INVALID: {
    message: '"{path}" in the snapshot is not what this version of Understudy writes there.',
    hint: 'Use the version that made the snapshot, or restore the files and load them with the tools of the database.',
  },
  DATABASE_EXISTS: {
    message: 'There is a database {database} on {name} already.',
    hint: 'Load it under another name, or ask for the old one to be replaced.',
  },
  DATABASE_LOAD_FAILED: {
    message: 'The dump of {database} could not be loaded: {reason}.',
    hint: 'What had been loaded of it was removed. A missing role or extension has to be there before.',
  },
  DATABASE_NOT_REPLACED: {
    message: 'The new {database} could not be put in the place of the old one: {reason}.',
    hint: 'What was loaded is whole, and is called {loaded}: rename it, or load it again when nobody uses the old one.',
  },
  DATABASE_TRIAL_IMPOSSIBLE: {
    message: 'A trial of {database} is not possible here: {reason}.',
    hint: 'Load it into a server of the same kind by hand; until then it counts as not tried.',
  },
  DATABASE_LOAD_DIFFERS: {
    message: 'The dump has {expected}, and {found} arrived in {database}.',
    hint: 'Do not use what was loaded: take another recovery point, and look at the log of the server.',
  },
} as const

export class DatabaseError extends errorClass('DatabaseError', databaseErrors) {}

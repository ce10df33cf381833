import { CliCommand } from './command.ts'
import { addGlobalFlags } from './global-flags.ts'
import { version } from './version.ts'

/** The program's commands. Each has a module of its own, which is loaded when it is wanted. */

export interface CommandModule {
  /** Adds arguments, flags, help and what it does. */
  readonly define: (command: CliCommand) => void
}

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

/** Things of the server that have commands: each is a call of its API, which its routes declare. */
function callsOf(things: Readonly<Record<string, string>>): Record<string, CommandEntry> {
  const load = () => import('./commands/api.ts')
  return Object.fromEntries(Object.entries(things).map(([thing, summary]) => [thing, { summary, load }]))
}

const commands: Readonly<Record<string, CommandEntry>> = {
  init: { summary: 'make a new repository', load: () => import('./commands/init.ts') },
  backup: { summary: 'back up files and folders', load: () => import('./commands/backup.ts') },
  snapshots: { summary: 'list the snapshots', load: () => import('./commands/snapshots.ts') },
  ls: { summary: 'list the files of a snapshot', load: () => import('./commands/ls.ts') },
  find: { summary: 'find files, or what needs a blob, tree or pack', load: () => import('./commands/find.ts') },
  diff: { summary: 'show what differs between two snapshots', load: () => import('./commands/diff.ts') },
  dump: { summary: 'print a file, or a folder as an archive', load: () => import('./commands/dump.ts') },
  restore: { summary: 'bring files back', load: () => import('./commands/restore.ts') },
  check: { summary: 'prove that the repository is sound', load: () => import('./commands/check.ts') },
  forget: { summary: 'remove snapshots by a policy', load: () => import('./commands/forget.ts') },
  prune: { summary: 'delete data that no snapshot needs', load: () => import('./commands/prune.ts') },
  copy: { summary: 'copy snapshots from another repository', load: () => import('./commands/copy.ts') },
  tag: { summary: 'change the tags of snapshots', load: () => import('./commands/tag.ts') },
  rewrite: {
    summary: 'leave files out of snapshots, or change host and time',
    load: () => import('./commands/rewrite.ts'),
  },
  repair: { summary: 'mend index, packs and snapshots', load: () => import('./commands/repair.ts') },
  recover: { summary: 'bring back folders that no snapshot leads to', load: () => import('./commands/recover.ts') },
  key: { summary: 'manage passwords', load: () => import('./commands/key.ts') },
  migrate: { summary: 'upgrade the format of the repository', load: () => import('./commands/migrate.ts') },
  unlock: { summary: 'remove locks that nobody holds', load: () => import('./commands/unlock.ts') },
  stats: { summary: 'count what the snapshots hold', load: () => import('./commands/stats.ts') },
  cat: { summary: 'print an object of the repository', load: () => import('./commands/cat.ts') },
  list: { summary: 'list the objects of the repository', load: () => import('./commands/list.ts') },
  cache: { summary: 'list and clean the local caches', load: () => import('./commands/cache.ts') },
  'self-check': {
    summary: 'prove that this machine can hold and read backups',
    load: () => import('./commands/self-check.ts'),
  },
  demo: { summary: 'show it at work on real files of this machine', load: () => import('./commands/demo.ts') },
  serve: { summary: 'run the control server', load: () => import('./commands/serve.ts') },
  schema: { summary: 'show and take back the schema of the control data', load: () => import('./commands/schema.ts') },
  agent: { summary: 'work on this machine for a server', load: () => import('./commands/agent.ts') },
  service: { summary: 'run agent or server as services of systemd', load: () => import('./commands/service.ts') },
  login: { summary: 'sign in at a server, and keep a token here', load: () => import('./commands/login.ts') },
  logout: { summary: 'take the token of this terminal out of force', load: () => import('./commands/logout.ts') },
  'set-up': { summary: 'set up an account by a link', load: () => import('./commands/set-up.ts') },
  apply: { summary: 'make the server as a file declares it', load: () => import('./commands/apply.ts') },
  ...callsOf({
    client: 'the clients (businesses) of the server',
    machine: 'machines: enrol, approve, back up, revoke',
    policy: 'backup policies: what, when, how long, where to',
    repository: 'repositories that the server keeps: sizes, holds, what can be put back',
    alert: 'what is not as it should be, and who is told of it',
    destination: 'where copies lie besides the server: folders, disks, S3, other machines',
    approval: 'what waits for a second person or a delay',
    safety: 'what keeps a single person from removing backups',
    operation: 'what runs, has run and is to run',
    person: 'people and what they may do',
    token: 'API tokens of one’s own',
    account: 'one’s own password, second factor and recovery codes',
    session: 'where one is signed in',
    passkey: 'one’s own passkeys',
    evidence: 'what was measured: backups, checks, restores',
    kit: 'recovery kits: what is needed when everything else is gone',
    audit: 'what was done, by whom',
    server: 'the server itself',
    'server-backup': 'the server’s own backup, by which a lost server is rebuilt',
  }),
  options: { summary: 'list the options of --option', load: () => import('./commands/options.ts') },
  generate: { summary: 'write shell completions and manual pages', load: () => import('./commands/generate.ts') },
  version: { summary: 'print the version', load: () => import('./commands/version.ts') },
}

const loaded = new WeakSet<CliCommand>()

/** The program, its commands known by name and summary. `loadCommands` adds the rest, as running one of them does. */
export function createProgram(): CliCommand {
  const program = new CliCommand('understudy')
  program
    .description("Backup and business continuity, in restic's open repository format.")
    .enablePositionalOptions()
    .optionsGroup('Flags:')
    .version(version, '--version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError()
    .helpOption('-h, --help', 'explain the command')
  addGlobalFlags(program)
  for (const [name, { summary }] of Object.entries(commands)) {
    const command = new CliCommand(name).summary(summary).copyInheritedSettings(program)
    program.addCommand(command)
  }
  program.addCommand(helpCommand(program))
  program.hook('preSubcommand', async (_, command) => await loadCommand(command as CliCommand))
  return program
}

/** Loads every command's module: then the help of each is complete. */
export async function loadCommands(program: CliCommand): Promise<void> {
  for (const command of program.commands) await loadCommand(command as CliCommand)
}

async function loadCommand(command: CliCommand): Promise<void> {
  const entry = Object.hasOwn(commands, command.name()) ? commands[command.name()] : undefined
  if (!entry || loaded.has(command)) return
  loaded.add(command)
  const { define } = await entry.load()
  define(command)
  for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
    if (leaf !== command) leaf.copyInheritedSettings(command)
    addGlobalFlags(leaf, { hidden: true })
  }
}

function helpCommand(program: CliCommand): CliCommand {
  const help = new CliCommand('help')
    .summary('explain a command')
    .argument('[command...]')
    .copyInheritedSettings(program)
  help.action(async (names: readonly string[]) => {
    let shown = program
    for (const name of names) {
      const inner = shown.commands.find((command) => command.name() === name)
      if (!inner) return help.error(`error: there is no command '${names.join(' ')}'`)
      await loadCommand(inner as CliCommand)
      shown = inner as CliCommand
    }
    shown.outputHelp()
  })
  return help
}

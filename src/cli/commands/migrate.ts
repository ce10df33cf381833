import { bringBackConfig, checkRepository, upgradeToVersion2 } from '#repository'
import type { HeldLock, Repository } from '#repository'
import { openConfigSafe } from '../config-safe.ts'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { defaultThreads } from '../local-threads.ts'
import { openForCommand, openStorage, withLock } from '../open-repository.ts'

const text = `
Without arguments it lists the migrations that the repository can have; with their names it carries them out. There is one:
upgrade_repo_v2 upgrades a repository to version 2 of the format, which compresses. The repository is checked first, and
only its config changes. Killed in the middle, it goes on when it is run again on the same machine.`

const upgrade = 'upgrade_repo_v2'

export function define(command: CliCommand): void {
  setHelp(command, { text, examples: ['understudy migrate', `understudy migrate ${upgrade}`] })
  command.argument('[name...]', `what to do: ${upgrade}`)
  command.addOption(flag('-f, --force', 'carry out what seems not to be needed'))
  runs(command, migrate, { outlivesOutput: true })
}

async function migrate(context: CommandContext, names: readonly string[], flags: CommandFlags): Promise<void> {
  const unknown = names.find((name) => name !== upgrade)
  if (unknown !== undefined) throw context.refuse(`there is no migration "${unknown}"; there is ${upgrade}`)
  await recoverConfig(context)
  await using opened = await openForCommand(context)
  const { repository } = opened
  await withLock(context, repository, { exclusive: true }, async (signal, lock) => {
    const inner = { ...context, signal }
    if (names.length === 0) list(inner, repository)
    else await upgradeOrExplain(inner, repository, { lock: lock as HeldLock, force: flags.force === true })
  })
}

async function recoverConfig(context: CommandContext): Promise<void> {
  await using storage = openStorage(context)
  const brought = await bringBackConfig(storage, openConfigSafe(context, storage), { signal: context.signal })
  if (brought) context.printer.say('an upgrade was killed here: the config that it had taken away is back in its place')
}

function list({ printer }: CommandContext, { config }: Repository): void {
  const available = config.version === 1 ? [{ name: upgrade, description: 'upgrade the repository to version 2' }] : []
  if (printer.isJson) return printer.json(available)
  printer.say('available migrations:')
  for (const { name, description } of available) printer.say(`  ${name}\t${description}`)
  if (available.length === 0) printer.say('no migrations found')
}

interface UpgradeRun {
  readonly lock: HeldLock
  readonly force: boolean
}

async function upgradeOrExplain(
  context: CommandContext,
  repository: Repository,
  { lock, force }: UpgradeRun,
): Promise<void> {
  const { printer, signal } = context
  if (repository.config.version !== 1 && !force) {
    printer.say(
      `migration ${upgrade} cannot be applied: the repository has version ${repository.config.version} already`,
    )
    return
  }
  printer.say('checking repository integrity...')
  const { problems } = await checkRepository(repository, { threads: defaultThreads(), noLock: true, signal })
  for (const { message } of problems) printer.error(`error: ${message}`)
  if (problems.length > 0) throw new CliError('DAMAGE_FOUND')
  printer.say(`applying migration ${upgrade}...`)
  await upgradeToVersion2(repository, { safe: openConfigSafe(context, repository.backend), lock, signal })
  printer.say(`migration ${upgrade}: success`)
}

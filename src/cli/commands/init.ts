import { initRepository } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { addFromFlags, fromPlace, isNamed } from '../from-repository.ts'
import { mainPlace, openForCommand, openStorage } from '../open-repository.ts'
import { askNewPassword, readGivenPassword } from '../password.ts'

const text = `
Makes a repository: an empty place for backups, sealed with a password. It is in restic's format, so restic can read and
write it too. Whoever loses the password loses the backups: keep it where a fire at home does not reach it.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy init --repo /mnt/backup',
      'understudy -r rest:https://backup.example/nas/ init --password-file ~/.backup-password',
    ],
  })
  command.addOption(valueFlag('--repository-version <version>', 'format: 1, 2, latest or stable (default: stable, 2)'))
  command.addOption(
    flag('--copy-chunker-params', 'cut files as another repository does, so that copies share their data'),
  )
  addFromFlags(command)
  runs(command, initialise, { outlivesOutput: true })
}

async function initialise(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { globals, printer, signal } = context
  if (args.length > 0) throw context.refuse('init takes no arguments; name the repository with --repo')
  const version = readVersion(context, flags)
  const polynomial = await readPolynomial(context, flags)
  await using backend = openStorage(context)
  const place = mainPlace(context)
  const request = { flags: place.password, env: context.env, variable: place.passwordVariable, command: context.name }
  const password =
    (await readGivenPassword({ ...request, signal })) ??
    (await askNewPassword('enter password for new repository: ', signal, place.missing))
  const { compression } = globals
  using repository = await initRepository(backend, { password, version, polynomial, compression, signal })
  const { id } = repository.config
  if (printer.isJson) return printer.json({ message_type: 'initialized', id, repository: backend.location })
  printer.say(`created repository ${id.slice(0, 10)} at ${backend.location}`)
  if (polynomial !== undefined) printer.say('  with the cutting of files copied from the other repository')
  printer.say('')
  printer.say('Please note that knowledge of your password is required to access')
  printer.say('the repository. Losing your password means that your data is')
  printer.say('irrecoverably lost.')
}

function readVersion(context: CommandContext, { repositoryVersion = 'stable' }: CommandFlags): 1 | 2 {
  if (repositoryVersion === 'stable' || repositoryVersion === 'latest' || repositoryVersion === '2') return 2
  if (repositoryVersion === '1') return 1
  throw context.refuse(`"${String(repositoryVersion)}" is no version of the format; there are 1 and 2`)
}

async function readPolynomial(context: CommandContext, flags: CommandFlags): Promise<bigint | undefined> {
  const place = fromPlace(context, flags)
  if (flags.copyChunkerParams !== true) {
    if (flags.fromRepo === undefined && flags.fromRepositoryFile === undefined) return undefined
    throw context.refuse('another repository is named, but not what to take from it (--copy-chunker-params)')
  }
  if (!isNamed(place)) throw context.refuse('--copy-chunker-params wants another repository, by --from-repo')
  await using other = await openForCommand(context, { place })
  return other.repository.polynomial
}

import { quotePowerShell, quoteSh } from '../scripts/quote.ts'
import type { KitLocation, KitRepository } from './kit.ts'
import { lineLength } from './secret-lines.ts'

/** Commands for stock restic, as they are typed. Each line is a command; they are tried in `restore.test.ts`. */

/** Two kinds of command line; Linux and macOS share theirs. */
type Shell = 'sh' | 'powershell'

/** The oldest restic that understands all that is used: RESTIC_REST_USERNAME came with it. */
export const leastRestic = '0.17'

/** Where the restored files go, below the folder in which the commands are typed. */
export const target = 'restored'

/** Says which repository, where it lies, and how to get in: for all commands that follow in the same window. */
export function setupCommands(location: KitLocation, password: string | undefined, shell: Shell): string[] {
  const secret = password === undefined ? {} : { RESTIC_PASSWORD: password }
  const variables = { RESTIC_REPOSITORY: resticLocation(location), ...accessVariables(location), ...secret }
  return [
    ...certificateCommands(location, shell),
    ...Object.entries(variables).map(([name, value]) => setVariable(name, value, shell)),
  ]
}

/** Where somebody writes the password of the server's own backup for `understudy serve`. */
export const passwordFile = 'password.txt'

/** Machines have the same paths: where several lie in a repository, each gets a folder of its own. */
export function restoreCommands({ machines, isOfServer = false, locations }: KitRepository, shell: Shell): string[] {
  const [first] = locations
  if (isOfServer && first) {
    const place = (shell === 'sh' ? quoteSh : quotePowerShell)(resticLocation(first).replace(/\/[^/]+$/, ''))
    return [`understudy serve --rebuild-from ${place} --rebuild-password-file ${passwordFile}`]
  }
  if (machines.length <= 1) return [`restic restore latest --target ${target}`]
  const quote = shell === 'sh' ? quoteSh : quotePowerShell
  const folders = foldersOf(machines)
  return machines.map((name, at) => {
    const folder = quote(`${target}/${folders[at]}`)
    return `restic restore latest --host ${quote(name)} --target ${folder}`
  })
}

/** Names of folders that every system can have, each only once. */
function foldersOf(machines: readonly string[]): string[] {
  const plain = machines.map((name) => name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^\.+|\.+$/g, '-'))
  return plain.map((name, at) => (plain.indexOf(name) === at ? name : `${name}-${at + 1}`))
}

/** Gives the checksums of what was typed, line by line, for comparison with the paper. */
export function checksumCommand(system: 'linux' | 'macos' | 'windows'): string {
  if (system === 'windows') {
    const line = `$p.Substring($i, [Math]::Min(${lineLength}, $p.Length - $i))`
    const hash = `[Security.Cryptography.SHA256]::Create().ComputeHash([Text.Encoding]::ASCII.GetBytes(${line}))`
    return `$p = $env:RESTIC_PASSWORD; for ($i = 0; $i -lt $p.Length; $i += ${lineLength}) { $h = ${hash}; '{0:x2}{1:x2}' -f $h[0], $h[1] }`
  }
  const hash = system === 'linux' ? 'sha256sum' : 'shasum -a 256'
  return `printf '%s\\n' "$RESTIC_PASSWORD" | fold -w ${lineLength} | while IFS= read -r l; do printf %s "$l" | ${hash} | cut -c 1-4; done`
}

/** The location as restic writes it. */
function resticLocation(location: KitLocation): string {
  switch (location.kind) {
    case 'local':
      return location.path
    case 'rest':
      return `rest:${location.url}`
    case 's3':
      return `s3:${location.endpoint}/${[location.bucket, location.prefix].filter((part) => part !== '').join('/')}`
    case 'sftp': {
      const { user, host, port, path } = location
      return `sftp://${user}@${host}${port === undefined ? '' : `:${port}`}/${path}`
    }
  }
}

function accessVariables(location: KitLocation): Record<string, string> {
  if (location.kind === 's3') {
    const { accessKey, secretKey, region } = location
    const keys = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }
    return region === undefined ? keys : { ...keys, AWS_DEFAULT_REGION: region }
  }
  if (location.kind !== 'rest') return {}
  return {
    ...(location.user !== undefined && { RESTIC_REST_USERNAME: location.user }),
    ...(location.password !== undefined && { RESTIC_REST_PASSWORD: location.password }),
    ...(location.certificate !== undefined && { RESTIC_CACERT: certificateFile }),
  }
}

const certificateFile = 'server.pem'

function certificateCommands(location: KitLocation, shell: Shell): string[] {
  if (location.kind !== 'rest' || location.certificate === undefined) return []
  const lines = location.certificate.trim().split(/\r?\n/)
  return shell === 'sh'
    ? [`cat > ${certificateFile} <<'END'`, ...lines, 'END']
    : ["@'", ...lines, `'@ | Set-Content -Encoding ascii ${certificateFile}`]
}

function setVariable(name: string, value: string, shell: Shell): string {
  return shell === 'sh' ? `export ${name}=${quoteSh(value)}` : `$env:${name} = ${quotePowerShell(value)}`
}

/**
 * Whether an account may see everything of a database. It has to be asked: tables, triggers and views that an account may not
 * see are left out of its dump without a word.
 */
const needed = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'] as const

/**
 * The rights that `SHOW GRANTS` does not give on all of `database`. The server adds what is given on everything to one grant on a
 * database, the most exact one; which of several patterns that is, is not for us to say, so each of them has to do.
 */
export function missingRights(grants: readonly string[], database: string): string[] {
  const parsed = grants.map(parseGrant).filter((grant) => grant !== undefined)
  const exact = parsed.filter(({ scope }) => scope.replace(/\\([_%])/g, '$1') === database)
  const patterns = parsed.filter(({ scope }) => scope !== '*' && covers(scope, database))
  const scopes = [...new Set((exact.length > 0 ? exact : patterns).map(({ scope }) => scope))]
  const without = (scope: string) => lacking(parsed.filter((grant) => grant.scope === '*' || grant.scope === scope))
  return scopes.length === 0 ? without('*') : [...new Set(scopes.flatMap(without))]
}

function lacking(grants: readonly Grant[]): string[] {
  const rightsOf = (isRevoked: boolean) =>
    new Set(grants.filter((grant) => grant.isRevoked === isRevoked).flatMap(({ rights }) => rights))
  const [given, taken] = [rightsOf(false), rightsOf(true)]
  const has = (rights: ReadonlySet<string>, right: string) => rights.has('ALL PRIVILEGES') || rights.has(right)
  return needed.filter((right) => !has(given, right) || has(taken, right))
}

interface Grant {
  readonly isRevoked: boolean
  readonly rights: readonly string[]
  /** `*`, or the pattern of names that a grant on a database is. */
  readonly scope: string
}

/** Of a grant on everything or on a database; rights on single tables never make a whole. */
function parseGrant(line: string): Grant | undefined {
  const found = /^(GRANT|REVOKE) (.+?) ON (?:\*|`((?:[^`]|``)*)`)\.\* (?:TO|FROM) /.exec(line)
  if (!found) return undefined
  const [, verb, rights, scope] = found
  return {
    isRevoked: verb === 'REVOKE',
    rights: (rights as string).split(',').map((right) => right.trim().toUpperCase()),
    scope: scope === undefined ? '*' : scope.replaceAll('``', '`'),
  }
}

/** `_` and `%` in the name of a grant stand for others, unless there is a backslash before them. */
function covers(scope: string, database: string): boolean {
  const pattern = scope.replace(/\\([_%])|[_%]|[.*+?^${}()|[\]\\]/g, (found, literal: string | undefined) => {
    if (literal !== undefined) return literal
    return found === '_' ? '.' : found === '%' ? '.*' : `\\${found}`
  })
  return new RegExp(`^${pattern}$`, 'su').test(database)
}

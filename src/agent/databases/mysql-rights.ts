/**
 * Whether an account may see everything of a database. It has to be asked: tables, triggers and views that an account may not
 * see are left out of its dump without a word.
 */
const needed = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'] as const

/** The rights that `SHOW GRANTS` does not give on all of `database`. */
export function missingRights(grants: readonly string[], database: string): string[] {
  const covering = grants.map(parseGrant).filter((grant) => grant !== undefined && covers(grant.scope, database))
  const given = new Set(covering.filter((grant) => !grant?.isRevoked).flatMap((grant) => grant?.rights ?? []))
  const taken = new Set(covering.filter((grant) => grant?.isRevoked).flatMap((grant) => grant?.rights ?? []))
  const has = (right: string) => given.has('ALL PRIVILEGES') || given.has(right)
  const lost = (right: string) => taken.has('ALL PRIVILEGES') || taken.has(right)
  return needed.filter((right) => !has(right) || lost(right))
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
  if (scope === '*' || scope === database) return true
  const pattern = scope.replace(/\\([_%])|[_%]|[.*+?^${}()|[\]\\]/g, (found, literal: string | undefined) => {
    if (literal !== undefined) return literal
    return found === '_' ? '.' : found === '%' ? '.*' : `\\${found}`
  })
  return new RegExp(`^${pattern}$`, 'su').test(database)
}

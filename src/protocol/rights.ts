import { z } from 'zod'

/** What a person may be for a client, or for every client and the server itself. */
export const roles = ['owner', 'operator', 'restore-only', 'auditor'] as const
export const roleSchema = z.enum(roles)
export type Role = z.infer<typeof roleSchema>

/**
 * What a route may ask for. `restore` puts things back to their place unseen; `read` opens what is in a backup, asks for a
 * reason and is audited: they are separate, so that who runs the backups need not be able to read the mail.
 */
export const rights = ['see', 'restore', 'read', 'operate', 'audit', 'administer'] as const
export const rightSchema = z.enum(rights)
export type Right = z.infer<typeof rightSchema>

/**
 * What an API token may be given: rights, and `destroy`. A person must show again who it is before backups are removed or
 * passwords handed out; a program cannot, and does it only with this.
 */
export const tokenScopes = [...rights, 'destroy'] as const
export const tokenScopeSchema = z.enum(tokenScopes)
export type TokenScope = z.infer<typeof tokenScopeSchema>

const rightsOfRoles: Readonly<Record<Role, readonly Right[]>> = {
  owner: ['see', 'restore', 'read', 'operate', 'audit', 'administer'],
  operator: ['see', 'restore', 'operate'],
  'restore-only': ['see', 'restore'],
  auditor: ['see', 'audit'],
}

export function roleHas(role: Role, right: Right): boolean {
  return rightsOfRoles[role].includes(right)
}

/** In place of a client's id: every client there is and will be, and the server itself. */
export const everyClient = '*'

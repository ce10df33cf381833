import { errorClass } from '#base'

/** What can be wrong with a file of the audit log. */
export const auditFileErrors = {
  AUDIT_FILE_INVALID: {
    message: 'This is no file of the audit log: line {line} cannot be read, {reason}.',
    hint: 'It is what `understudy audit export` saves, from its first line on.',
  },
} as const

export class AuditFileError extends errorClass('AuditFileError', auditFileErrors) {}

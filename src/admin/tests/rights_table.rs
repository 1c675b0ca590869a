//! Every page with who may ask for it, written by hand.

/// Pages behind the log-in: nobody, person, operator, owner. `in` is sent to the log-in, `401` told so, `no` is 403.
pub const PAGES: &str = "
    Get  /                                          in  yes yes yes
    Get  /login                                     yes yes yes yes
    Get  /mailbox                                   in  yes yes yes
    Get  /mailbox/{id}                              in  yes yes yes
    Post /mailbox/{id}/read                         in  yes yes yes
    Post /mailbox/{id}/delete                       in  yes yes yes
    Get  /mailbox/{folder}/{uid}.eml                in  yes yes yes
    Get  /mailbox/{folder}/{uid}/files/{number}     in  yes yes yes
    Get  /mailbox/{folder}/{uid}                    in  yes yes yes
    Post /mailbox/{folder}/{uid}/{action}           in  yes yes yes
    Get  /compose                                   in  yes yes yes
    Post /compose                                   in  yes yes yes
    Post /drafts                                    in  yes yes yes
    Get  /messages                                  in  yes yes yes
    Get  /messages/quarantine                       in  no  yes yes
    Post /messages/quarantine                       in  no  yes yes
    Get  /messages/{id}.eml                         in  yes yes yes
    Get  /messages/{id}/files/{number}              in  yes yes yes
    Get  /messages/{id}                             in  yes yes yes
    Post /messages/{id}/release-all                 in  no  yes yes
    Post /messages/{id}/whole                       in  yes yes yes
    Post /messages/{id}/take-back                   in  yes yes yes
    Post /messages/{id}/{action}                    in  no  yes yes
    Get  /account                                   in  yes yes yes
    Post /account                                   in  yes yes yes
    Get  /account/mail.mobileconfig                 in  yes yes yes
    Post /account/export                            in  yes yes yes
    Post /account/log-ins/{id}/end                  in  yes yes yes
    Get  /help                                      in  yes yes yes
    Get  /help/{topic}                              in  yes yes yes
    Post /theme                                     yes yes yes yes
    Post /logout                                    in  yes yes yes
    Get  /costs                                     in  yes yes yes
    Get  /costs.csv                                 in  yes yes yes
    Get  /usage                                     in  yes yes yes
    Get  /usage.csv                                 in  yes yes yes
    Get  /health                                    in  yes yes yes
    Get  /position                                  in  yes yes yes
    Get  /position.gpx                              in  yes yes yes
    Post /position/send                             in  no  yes yes
    Get  /people                                    in  no  yes yes
    Post /people                                    in  no  yes yes
    Get  /people/{name}                             in  no  yes yes
    Post /people/{name}                             in  no  yes yes
    Post /people/{name}/export                      in  no  no  yes
    Post /people/{name}/erase                       in  no  no  yes
    Post /people/{name}/try                         in  no  yes yes
    Post /people/{name}/{what}                      in  no  yes yes
    Get  /far-boxes                                 in  no  yes yes
    Post /far-boxes                                 in  no  yes yes
    Get  /far-boxes/{number}/position               in  no  yes yes
    Get  /far-boxes/{number}/track.gpx              in  no  yes yes
    Get  /far-boxes/{number}                        in  no  yes yes
    Post /far-boxes/{number}                        in  no  yes yes
    Post /far-boxes/{number}/{what}                 in  no  yes yes
    Get  /audit                                     in  no  no  yes
    Get  /about                                     in  no  yes yes
    Post /about/backup                              in  no  no  yes
    Post /about/restore                             in  no  no  yes
    Post /about/support                             in  no  no  yes
    Post /about/work/{number}/stop                  in  no  no  yes
    Get  /about/log                                 in  no  no  yes
    Get  /log-ins                                   in  no  no  yes
    Post /log-ins/{id}/end                          in  no  no  yes
    Get  /settings                                  in  no  no  yes
    Get  /settings/{group}                          in  no  no  yes
    Post /settings/who-may-write-over-the-air/try   in  no  no  yes
    Post /settings/{group}                          in  no  no  yes
    Get  /pair                                      in  no  no  yes
    Post /pair/new                                  in  no  no  yes
    Post /pair/join                                 in  no  no  yes
    Post /pair/remove                               in  no  no  yes
    Get  /links                                     in  no  no  yes
    Post /links                                     in  no  no  yes
    Get  /links/{name}                              in  no  no  yes
    Post /links/{name}                              in  no  no  yes
    Get  /links/{name}/lines                        401 no  no  yes
    Post /links/{name}/unlock                       in  no  no  yes
    Post /links/{name}/lock                         in  no  no  yes
    Post /links/{name}/send                         in  no  no  yes
    Post /links/{name}/{what}                       in  no  no  yes
    Get  /setup                                     in  no  no  yes
    Get  /setup/{step}                              in  no  no  yes
    Post /setup/{step}                              in  no  no  yes";

/// Pages for whoever asks.
pub const OPEN: &str = "
    Get /assets/{name}
    Get /healthz
    Get /metrics
    Get /.well-known/autoconfig/mail/config-v1.1.xml
    Get /mail/config-v1.1.xml
    Get /hooks/{carrier}
    Post /hooks/{ground}/{secret}
    Post /hooks/{carrier}";

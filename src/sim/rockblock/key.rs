//! The key that the simulated service signs with. It is nobody else's, and no secret: each simulator has the same.

/// The private key, as PKCS#8 in base64.
pub(super) const PRIVATE: &str = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCN2eM715UdaYEZwf2oZTwJIQ5//ovSCEVA4ciq4IcaUq22pAqF\
     aJBdiJQOxqgiI88bk/tU6kd83+29nr5Ugh2CrI+OnkWr0SFRSTqDmMttpeRaJmqc4xmk6ADa+JUa4bTtBOKf6pBW83AA87l/Z90o\
     a5bK82/XY7rJNZkLafqHGZOMlFJfa27jK6BS83FyyN/d/lFb+vyuLoh8HFxizTgT172ITVbZnOfbur05yCkqv/2XCbCMZYIZIj0j\
     v26YOpkluN6rMPQ3kIdcEQqDiCNMyOwoyyH8e7nOoD2nc6lCw65u+x9I9nsdnIAlqclQYjLBCGknJWAWkEEkMu6giuIXAgMBAAEC\
     ggEADM7fNzCMjMbRet9qxXE6ngJnmkQEIPdRNX4NjexPFp/fgo3GS2x5GJDz+W+Tj92W3kEa4Px0bwCTKVtziRLkkj99iN2eodh0\
     vy+zAl3iBGkFuOQeHUNeNeci6KKoZ/B4UyxtQA5AcTFy7AsVtTzOGc+5ImMftp2RKIjX5FFx5w/UOofrgTPWsH6MyW8VPcFKxmo8\
     CMsJSc6H8RTDv8VUUoCD60vN8S+TJNLGQDSzzaArm+Pp5JwLAR4KoxV84hJ+UMp/KZJn6WSHHSr3QbMZzkv2hE0EBo+Nw+jOe1Hn\
     SqXtpFgM0fsK052apDUYWDkQYmyUKPLgH8HMc40aJKojuQKBgQC+pmzrk96Djp4PAA9zmTdczM/GM7EVGqtDnbBVgGkHCfbYKh38\
     SfW0TdOhj1GqR4Eyfs1hHrOrSd4dqQUjFP5uP+9G9UJ6Ze3dptICVq3V5P3etXts5IlvOIjBszThCCYlm9DpwPgPXNMoHKLqoUmA\
     AHiVtIRC1N/++kTRxAjWmQKBgQC+eVhDjaZnq80VxQUk221dnYWQ+ZAt7R18TbmUm4aPDZsj45J6KgJs93xsBmVG9T5DmNRXMWQS\
     VJ4joIhqdrHM69op7n42gz+HZKWFj8E14Cgduht/jdouOt8plCUO8Attg9u0OKLz6W8GPGPABPl6/RYVnXTrZFgludDLboDcLwKB\
     gQCr30lOT25IV6gyibFkW3pHlPSzECLSjcpcGKrBShRlHhyE3+NMcDirpYXmnlfXFMNqjFoG9jCveNZfEuLor6J4Lfc+lxipU37P\
     Vfb52L66l8guoJl2n8kulV7kkPRY8onBWelK8oYvA1XxUW+l6mVimgobnDOoNFUDfwfPu9Tj8QKBgQCS4O3QQeXlIdUnCWO7FT4T\
     p4m8zsWAtM088o696uRrYbmVhkKI0+ZE8t9OSexFOI5IAA0WI68gd4HuxTcMqfTXqbP1C8Tl8nXFyTXedYkvK2ij68SSqudpKNq3\
     rFabWz3kuH5uThJSdlq3+0+MXgmn7oveJSpo7lsO1GgOx2q03wKBgHvvAU0jMOqo8Px2R5THf7fTkyM3isnwBTUVcyaoHZPOn/ON\
     3B6aG42n5QlidfG6DMi3H+quxJEBxhmvynqfSMukDpNXB2MYM+ibMmGwGedCamGEWTsILYL8luCggj59hHJXOscMbSO4SqDCgy9E\
     pbt4wRZIbZd9hxjJk+Q2JICm";

/// The public key, as the setting `rockblock.key` wants it.
pub(super) const PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAjdnjO9eVHWmBGcH9qGU8CSEOf/6L0ghFQOHIquCHGlKttqQKhWiQXYiU\
     DsaoIiPPG5P7VOpHfN/tvZ6+VIIdgqyPjp5Fq9EhUUk6g5jLbaXkWiZqnOMZpOgA2viVGuG07QTin+qQVvNwAPO5f2fdKGuWyvNv\
     12O6yTWZC2n6hxmTjJRSX2tu4yugUvNxcsjf3f5RW/r8ri6IfBxcYs04E9e9iE1W2Zzn27q9OcgpKr/9lwmwjGWCGSI9I79umDqZ\
     JbjeqzD0N5CHXBEKg4gjTMjsKMsh/Hu5zqA9p3OpQsOubvsfSPZ7HZyAJanJUGIywQhpJyVgFpBBJDLuoIriFwIDAQAB";
